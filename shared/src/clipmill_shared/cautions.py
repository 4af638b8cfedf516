"""What the user should know of how a task was done, said from anywhere below the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from clipmill.common.v1.common_pb2 import Warning as Caution

_said: ContextVar[list[Caution] | None] = ContextVar("cautions", default=None)


def caution(said: Caution) -> None:
    """Say it in the result of the task that is being done here; nowhere where none is."""
    if (cautions := _said.get()) is not None:
        cautions.append(said)


@contextmanager
def cautions() -> Iterator[list[Caution]]:
    """Gathers what is said within."""
    gathered: list[Caution] = []
    token = _said.set(gathered)
    try:
        yield gathered
    finally:
        _said.reset(token)
