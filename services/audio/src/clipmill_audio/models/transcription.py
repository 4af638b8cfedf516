"""What every engine answers: words as written, with their times and confidence where it gives any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.timed import Span


@dataclass(frozen=True)
class SaidWord:
    """A word; `span` in seconds from the sound's first sample, `confidence` 0 to 1."""

    text: str
    span: Span | None = None
    confidence: float | None = None


class Transcription(Protocol):
    """An engine. What it heard before makes no difference."""

    def hear(self, samples: NDArray[np.float32], language: str, names: Sequence[str] = ()) -> Sequence[SaidWord]:
        """The words in an utterance (16 kHz, -1..1, at most some 16 s) of a language (ISO 639-1).

        `names` may be said; an engine that cannot be told so leaves them alone.
        """


@runtime_checkable
class TellsLanguage(Protocol):
    """A model that hears which language is spoken."""

    def language(self, samples: NDArray[np.float32]) -> tuple[str, float]:
        """ISO 639-1 and its probability, of at most 30 s of speech."""
