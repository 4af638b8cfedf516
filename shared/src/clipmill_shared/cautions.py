"""The task that is being done here: which models it pins, and what is to be said of how it was done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from clipmill.common.v1.common_pb2 import ModelVersion
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.models.v1.models_pb2 import PinnedVersion

PINNED = "the champion at admission"
# Of a result that another version of a model than the pinned one made; it is not kept for other tasks.
STOOD_IN = "MODEL_STOOD_IN"


@dataclass
class Said:
    """Of one task: the versions that it pins, whether another worker may yet do it, what the user should know, and how
    many calls of models it took.
    """

    pinned: Sequence[PinnedVersion] = ()
    may_be_handed_on: bool = False
    cautions: list[Caution] = field(default_factory=list)
    inferences: int = 0
    # Of the models that were not answered by their package's version: which one did.
    versions: dict[str, str] = field(default_factory=dict)


_said: ContextVar[Said | None] = ContextVar("said", default=None)


def caution(said: Caution) -> None:
    """Say it in the result of the task that is being done here; nowhere where none is."""
    if (task := _said.get()) is not None:
        task.cautions.append(said)


def count_inferences(calls: int) -> None:
    """Count them for the task that is being done here."""
    if (task := _said.get()) is not None:
        task.inferences += calls


def pinned_here() -> Sequence[PinnedVersion]:
    """What the task that is being done here pins."""
    task = _said.get()
    return task.pinned if task else ()


def may_be_handed_on() -> bool:
    """Whether another worker may yet do the task that is being done here."""
    task = _said.get()
    return task is not None and task.may_be_handed_on


def note_versions(answered: Mapping[str, str]) -> None:
    """By which versions models answered the task that is being done here."""
    if (task := _said.get()) is not None:
        task.versions.update(answered)


def as_answered(models: Iterable[ModelVersion], registered: Mapping[str, Sequence[str]]) -> list[ModelVersion]:
    """The models of a result with the versions that answered; `registered` has the models' names for a task."""
    task = _said.get()
    if task is None or not task.versions:
        return list(models)
    found = []
    for each in models:
        names = registered.get(each.task, ())
        others = [name for name in names if name in task.versions]
        if not others or len(others) < len(names):
            found.append(each)
        found += [
            ModelVersion(task=each.task, name=name, version=task.versions[name], reason=_why(task, name))
            for name in others
        ]
    return found


def _why(task: Said, model: str) -> str:
    pinned = next((each for each in task.pinned if each.model == model), PinnedVersion())
    return (pinned.reason or PINNED) if task.versions[model] == pinned.version else f"instead of {pinned.version}"


@contextmanager
def cautions(pinned: Sequence[PinnedVersion] = (), *, may_be_handed_on: bool = False) -> Iterator[Said]:
    """Gathers what is said within, where models run by the versions that are `pinned`."""
    gathered = Said(pinned, may_be_handed_on)
    token = _said.set(gathered)
    try:
        yield gathered
    finally:
        _said.reset(token)
