"""Transcription: Moonshine tiny (English), by the model that models/ defines."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.models.transcription import SaidWord
from clipmill_models.transcription.definition import MODEL
from clipmill_shared.inference.apart import infer

# Of full scale; speech alone comes to less.
OFFSET = 0.01


class Transcriber:
    """Text of one utterance at a time; what it heard before makes no difference."""

    def hear(self, samples: NDArray[np.float32], language: str, names: Sequence[str] = ()) -> Sequence[SaidWord]:
        """The words, without times; `language` is "en", and `names` make no difference."""
        return [SaidWord(text) for text in self.text(samples).split()]

    def text(self, samples: NDArray[np.float32]) -> str:
        """What is said in `samples` (16 kHz, -1..1, at most some 30 s), as written; "" for nothing."""
        text: bytes = infer(MODEL, {"samples": _centred(samples)[None]})["text"].item()
        return _tidy(text.decode())


def _centred(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the constant that a bad input adds: at .4 of full scale it costs one word of seven."""
    offset = samples.mean() if len(samples) else np.float32(0)
    return samples - offset if abs(offset) > OFFSET else samples


def _tidy(text: str) -> str:
    """Blanks as one, and no comma twice (the engine writes "In short,, the")."""
    return re.sub(r",(\s*,)+", ",", " ".join(text.split()))
