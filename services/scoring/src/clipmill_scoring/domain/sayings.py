"""What is said more than once: sentences that mean the same, told by their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_scoring.domain.meaning import Meaning
from clipmill_scoring.domain.timeline import Bools, Ints

# Between what was found for sentences said again in other words (12 pairs: .90 to .98) and for sentences of the same
# build about something else (16 pairs: 15 of .19 to .78, one of .94); tests/test_sentences.py has them.
ALIKE = 0.85
BLOCK_ROWS = 512


@dataclass(frozen=True)
class Sayings:
    """m sentences of which each means the same as another one: sentence i has the words begin[i] to end[i] - 1.

    Sentences are in order of time. saying[i] numbers what it says; words[saying[i]] is the length of the shortest
    sentence that says it.
    """

    begin: Ints
    end: Ints
    saying: Ints
    words: Ints

    def within(self, begin: Ints, end: Ints) -> Said:
        """Which runs of the words begin[k] to end[k] - 1 say what; a saying counts once a run."""
        first = np.searchsorted(self.begin, begin, side="left")
        count = np.maximum(np.searchsorted(self.end, end, side="right") - first, 0)
        run = np.repeat(np.arange(len(begin)), count)
        sentence = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
        # As one number each: rows are sorted a hundred times as slowly.
        many = max(len(self.words), 1)
        pairs = np.unique(run * many + self.saying[sentence])
        return Said(pairs // many, pairs % many, self.words)


@dataclass(frozen=True)
class Said:
    """Pairs, each once, in order: the run of words `run` says `saying`, which takes words[saying] words."""

    run: Ints
    saying: Ints
    words: Ints

    def among(self, runs: Ints) -> Said:
        """What these runs say, numbered anew, runs in the order given."""
        place = np.full(int(self.run.max(initial=-1)) + 1, -1, dtype=np.int64)
        there = runs < len(place)
        place[runs[there]] = np.flatnonzero(there)
        inside = place[self.run] >= 0
        kept, saying = np.unique(self.saying[inside], return_inverse=True)
        return Said(place[self.run[inside]], saying, self.words[kept])

    def says(self, runs: int) -> Bools:
        """Which of so many runs say what: [runs, sayings]."""
        says = np.zeros((runs, len(self.words)), dtype=np.bool_)
        says[self.run, self.saying] = True
        return says

    def again(self, chosen: Ints) -> Ints:
        """For each saying, in how many of the chosen runs it is said after the first."""
        return np.maximum(self.times(chosen) - 1, 0)

    def times(self, chosen: Ints) -> Ints:
        """For each saying, in how many of the chosen runs it is said."""
        return np.bincount(self.saying[np.isin(self.run, chosen)], minlength=len(self.words))


_NONE: Ints = np.zeros(0, dtype=np.int64)
NOTHING_AGAIN = Said(_NONE, _NONE, _NONE)


def sayings(said: Meaning) -> Sayings:
    """The sentences that come again.

    A sentence says the same as an earlier one when their vectors' product is at least ALIKE; what is said the first
    time is the measure, so that a chain of small differences does not make one saying of all.
    """
    first = _first_said(said.vectors)
    return _of(list(zip(said.begin.tolist(), said.end.tolist(), strict=True)), first)


def _first_said(vectors: NDArray[np.float32]) -> list[int]:
    """For each sentence the earliest that it says again, itself where it is new."""
    first = np.arange(len(vectors))
    for top in range(0, len(vectors), BLOCK_ROWS):
        alike = vectors[top : top + BLOCK_ROWS] @ vectors.T >= ALIKE
        for i, row in enumerate(alike, start=top):
            if first[i] == i:
                again = np.flatnonzero(row[i + 1 :]) + i + 1
                first[again[first[again] == again]] = i
    result: list[int] = first.tolist()
    return result


def _of(spans: Sequence[tuple[int, int]], first: Sequence[int]) -> Sayings:
    often = {leader for k, leader in enumerate(first) if leader != k}
    kept = [k for k, leader in enumerate(first) if leader in often]
    number = {leader: g for g, leader in enumerate(sorted(often))}
    begin, end = (np.array([spans[k][side] for k in kept], dtype=np.int64) for side in (0, 1))
    saying = np.array([number[first[k]] for k in kept], dtype=np.int64)
    words = np.full(len(number), np.iinfo(np.int64).max)
    np.minimum.at(words, saying, end - begin)
    return Sayings(begin, end, saying, words)
