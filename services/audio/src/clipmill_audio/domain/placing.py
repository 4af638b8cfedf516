"""Finds the words of a given transcript among those that were heard.

What was heard has errors, so that single words say little: two English texts share a third of their words in order.
Three words in a row that come once in either text are an anchor (patience diff); between anchors plain differences do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

ANCHOR_WORDS = 3
# Between anchors; beyond it there is a passage that only one of both has.
MOST_BETWEEN = 400
# Of what was heard: less is another video. At a third of wrong words about half is in anchors.
FITS_AT = 0.2
# So many heard words in a row that the transcript lacks are worth a word.
LACKING_WORDS = 15


@dataclass(frozen=True)
class Matches:
    """For each given word the heard one it was found in, or None; and the share of the heard words in anchors."""

    heard: list[int | None]
    anchored: float


def matches(given: Sequence[str], heard: Sequence[str]) -> Matches:
    """`given` and `heard` are plain words (no case, no punctuation). Rises with both."""
    found: list[int | None] = [None] * len(given)
    for i, j in _anchors(given, heard):
        for k in range(ANCHOR_WORDS):
            found[i + k] = j + k
    anchored = sum(place is not None for place in found) / max(1, len(heard))
    for begin, end, from_j, to_j in list(_between(found, len(heard))):
        if end - begin <= MOST_BETWEEN and to_j - from_j <= MOST_BETWEEN:
            matcher = SequenceMatcher(None, given[begin:end], heard[from_j:to_j], autojunk=False)
            for block in matcher.get_matching_blocks():
                for k in range(block.size):
                    found[begin + block.a + k] = from_j + block.b + k
    return Matches(found, anchored)


def lacking(found: Sequence[int | None], heard: int) -> list[tuple[int, int]]:
    """Runs of LACKING_WORDS heard words or more, from and up to, that no given word was found in."""
    edges = [-1, *(j for j in found if j is not None), heard]
    return [(a + 1, b) for a, b in pairwise(edges) if b - a - 1 >= LACKING_WORDS]


def _anchors(given: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Places of runs that come once in either text, the most that rise in both."""
    mine, theirs = _single(given), _single(heard)
    pairs = [(i, theirs[run]) for run, i in mine.items() if run in theirs]
    # The longest rising sequence of the heard places.
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for number, (_, j) in enumerate(pairs):
        at = bisect_left(tails, j)
        before.append(ends[at - 1] if at else None)
        tails[at : at + 1] = [j]
        ends[at : at + 1] = [number]
    chain: list[tuple[int, int]] = []
    last = ends[-1] if ends else None
    while last is not None:
        chain.append(pairs[last])
        last = before[last]
    # Runs that overlap must lie alike in both texts.
    kept: list[tuple[int, int]] = []
    for i, j in reversed(chain):
        right, down = (i - kept[-1][0], j - kept[-1][1]) if kept else (ANCHOR_WORDS, ANCHOR_WORDS)
        if min(right, down) < ANCHOR_WORDS and right != down:
            continue
        kept.append((i, j))
    return kept


def _single(words: Sequence[str]) -> dict[tuple[str, ...], int]:
    runs = [tuple(words[i : i + ANCHOR_WORDS]) for i in range(len(words) - ANCHOR_WORDS + 1)]
    count = Counter(runs)
    return {run: i for i, run in enumerate(runs) if count[run] == 1}


def _between(found: Sequence[int | None], heard: int) -> Iterator[tuple[int, int, int, int]]:
    """Runs of given words without a place, from and up to, and the heard words that lie between their neighbours."""
    begin, from_j = 0, 0
    for i in range(len(found) + 1):
        place = found[i] if i < len(found) else heard
        if place is None:
            continue
        if i > begin and place > from_j:
            yield begin, i, from_j, place
        begin, from_j = i + 1, place + 1
