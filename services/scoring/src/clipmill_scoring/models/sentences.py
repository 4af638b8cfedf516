"""Google's universal sentence encoder, multilingual, version 3, by the model that models/ defines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipmill_models.sentences.definition import MODEL
from clipmill_shared.inference.apart import infer, load

# What the model was trained on. Words of other languages all look alike to it.
LANGUAGES = frozenset(["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"])


def knows(language: str) -> bool:
    """True also where no language was said, as everywhere in scoring."""
    return language in ("", "auto") or language.split("-", 1)[0] in LANGUAGES


class Sentences:
    """Embeds sentences; remembers whether it was asked to."""

    def __init__(self) -> None:
        self.was_used = False

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row of length 1 for each text, n x 512, a millisecond each."""
        self.was_used = True
        if not texts:
            return np.empty((0, 512), np.float32)
        given = np.array([text.encode() for text in texts], object)[:, None]
        rows: NDArray[np.float32] = infer(MODEL, {"text": given})["embedding"]
        return rows


def prepare() -> None:
    """Load the encoder: 150 MB, in a second and a half."""
    load(MODEL)
