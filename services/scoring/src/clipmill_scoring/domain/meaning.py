"""What a video's sentences mean, as vectors: where topics change, and what is far from the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clipmill_scoring.domain.timeline import Floats, Ints, Word
from clipmill_scoring.domain.topics import topics

# Texts to vectors of length 1, a row a text: the nearer in meaning, the larger their product.
Embed = Callable[[Sequence[str]], NDArray[np.float32]]

# Shorter sentences ("That is right.") mean little by themselves.
MIN_WORDS = 8


@dataclass(frozen=True)
class Meaning:
    """m sentences in order of time: sentence i has the words begin[i] to end[i] - 1 and the vector vectors[i].

    `topics` are the first words of the topics, the first of them 0; empty where there are no sentences.
    """

    begin: Ints
    end: Ints
    vectors: NDArray[np.float32]
    topics: tuple[int, ...]

    def farness(self, begin: Ints, end: Ints) -> Floats:
        """For each run of words: how much less like the video's middle its sentences are than all are, by words.

        The cosine of a sentence with the sum of all; NaN where no sentence lies in the run.
        """
        middle = self.vectors.sum(axis=0, dtype=np.float64)
        like = self.vectors @ (middle / max(float(np.linalg.norm(middle)), 1e-9))
        words = (self.end - self.begin).astype(np.float64)
        far = float(np.average(like, weights=words)) - like
        first = np.searchsorted(self.begin, begin, side="left")
        last = np.maximum(np.searchsorted(self.end, end, side="right"), first)
        running = np.concatenate(([0.0], np.cumsum(far * words)))
        counted = np.concatenate(([0.0], np.cumsum(words)))
        weight = counted[last] - counted[first]
        mean: Floats = (running[last] - running[first]) / np.where(weight > 0, weight, np.nan)
        return mean


_NONE: Ints = np.zeros(0, dtype=np.int64)
NOTHING_MEANT = Meaning(_NONE, _NONE, np.zeros((0, 0), dtype=np.float32), ())


def meaning(words: Sequence[Word], edges: Ints, embed: Embed) -> Meaning:
    """The sentences of at least MIN_WORDS words. A sentence ends at the latest at one of `edges`, word numbers."""
    ends = [k + 1 for k, word in enumerate(words) if word.ends_sentence]
    cuts = np.unique(np.array([0, *ends, *edges.tolist(), len(words)], dtype=np.int64))
    spans = np.array([(a, b) for a, b in pairwise(cuts.tolist()) if b - a >= MIN_WORDS], dtype=np.int64).reshape(-1, 2)
    if len(spans) < 2:
        return NOTHING_MEANT
    begin, end = spans[:, 0], spans[:, 1]
    vectors = embed([" ".join(word.text for word in words[a:b]) for a, b in spans.tolist()])
    # A topic begins where the sentence before it ends: short ones between belong to what they lead to.
    return Meaning(begin, end, vectors, tuple(0 if k == 0 else int(end[k - 1]) for k in topics(vectors)))
