"""What answers where a pinned version is broken, or too large for the memory there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from clipmill.models.v1.models_pb2 import PinnedVersion
from clipmill_shared.errors import ClipmillError

# A version that failed is left alone for so long, then tried again.
TRIED_AGAIN_S = 30.0
CRASHED = "PART_CRASHED"
OUT_OF_MEMORY = "MODEL_OUT_OF_MEMORY"
# Of a packaged version: the package here is of another release. Nothing is broken, so that each task is tried first.
NOT_HERE = "VERSION_NOT_HERE"
BROKEN = frozenset({CRASHED, "MODEL_LOAD_FAILED", "MODEL_FAILED", "MODEL_OUTPUT_INVALID"})


@dataclass(frozen=True)
class Choice:
    """Which version answers for a pinned one; `code` and `why` say why it is another. One without a name is what the
    package here has.
    """

    pinned: PinnedVersion
    version: PinnedVersion
    code: str = ""
    why: str = ""

    @property
    def said(self) -> str:
        """For the user."""
        return f"The model {self.pinned.model} answered by {self._by} instead of {self.pinned.version}: {self.why}"

    @property
    def _by(self) -> str:
        return f"its version {self.version.version}" if self.version.version else "the version of the package here"


class StandIns:
    """What a process knows of pinned versions that fail.

    A request that failed is done once more as a whole with the stand-in, so that one version answers all of it. Only
    where that one answers was the version at fault, and not the request.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Until when, and the code: a message may be of another owner's request.
        self._failed: dict[tuple[str, str], tuple[float, str]] = {}

    def choices(self, pinned: Sequence[PinnedVersion]) -> tuple[Choice, ...]:
        """For a request that begins now."""
        return tuple(map(self._choice, pinned))

    def instead(self, choices: Sequence[Choice], error: ClipmillError) -> tuple[Choice, ...] | None:
        """For the request that failed so; None where nothing stands in. Whose crash it was nobody can say."""
        others = tuple(
            _instead(choice, error.code, error.message)
            if error.code == CRASHED or error.model == choice.pinned.model
            else choice
            for choice in choices
        )
        return None if others == tuple(choices) else others

    def answered(self, choices: Sequence[Choice], asked: Container[str]) -> list[Choice]:
        """Remember how the models that were asked fared; those that did not answer by the version that was pinned."""
        stood_in = []
        for choice in choices:
            key = choice.pinned.model, choice.pinned.version
            if choice.pinned.model not in asked:
                continue
            if choice.version is choice.pinned:
                self._failed.pop(key, None)
                continue
            stood_in.append(choice)
            until, _ = self._failed.get(key, (0.0, ""))
            if until <= self._clock() and choice.code != NOT_HERE:
                self._failed[key] = self._clock() + TRIED_AGAIN_S, choice.code
        return stood_in

    def _choice(self, pinned: PinnedVersion) -> Choice:
        until, code = self._failed.get((pinned.model, pinned.version), (0.0, ""))
        plain = Choice(pinned, pinned)
        return _instead(plain, code, f"that one failed a moment ago ({code}).") if until > self._clock() else plain


def _instead(choice: Choice, code: str, why: str) -> Choice:
    pinned = choice.pinned
    if choice.version is not pinned:
        return choice
    if code == OUT_OF_MEMORY and pinned.HasField("smaller"):
        return Choice(pinned, pinned.smaller, code, why)
    if code in BROKEN and pinned.HasField("earlier"):
        return Choice(pinned, pinned.earlier, code, why)
    if code == NOT_HERE and not pinned.HasField("artefact"):
        return Choice(pinned, PinnedVersion(model=pinned.model, definition=pinned.definition), code, why)
    return choice
