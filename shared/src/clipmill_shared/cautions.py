"""What is to be said of how a task was done, from anywhere below the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from clipmill.common.v1.common_pb2 import Warning as Caution


@dataclass
class Said:
    """Of one task: what the user should know, and how many calls of models it took."""

    cautions: list[Caution] = field(default_factory=list)
    inferences: int = 0


_said: ContextVar[Said | None] = ContextVar("said", default=None)


def caution(said: Caution) -> None:
    """Say it in the result of the task that is being done here; nowhere where none is."""
    if (task := _said.get()) is not None:
        task.cautions.append(said)


def count_inferences(calls: int) -> None:
    """Count them for the task that is being done here."""
    if (task := _said.get()) is not None:
        task.inferences += calls


@contextmanager
def cautions() -> Iterator[Said]:
    """Gathers what is said within."""
    gathered = Said()
    token = _said.set(gathered)
    try:
        yield gathered
    finally:
        _said.reset(token)
