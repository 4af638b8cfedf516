"""Small selections that say things again, drawn by hypothesis, and what a set is worth, counted in the plainest way."""

from itertools import combinations

import numpy as np
from clipmill_scoring.domain.diversity import POINTS_PER_WORD
from clipmill_scoring.domain.relaxation import Problem
from clipmill_scoring.domain.sayings import Said
from hypothesis import strategies as st

SENTENCES = 10


@st.composite
def videos(draw):
    """Intervals on a line of ten sentences, which say a few sayings again and again; sayings of few to many words."""
    says = draw(st.lists(st.integers(0, 3), min_size=SENTENCES, max_size=SENTENCES))
    spans = draw(
        st.lists(st.tuples(st.integers(0, SENTENCES - 1), st.integers(1, 4)), min_size=1, max_size=9, unique=True)
    )
    scores = draw(st.lists(st.integers(0, 8000), min_size=len(spans), max_size=len(spans)))
    intervals = [(a, min(a + n, SENTENCES), p / 100) for (a, n), p in zip(spans, scores, strict=True)]
    words = draw(st.lists(st.integers(1, 40), min_size=4, max_size=4))
    pairs = sorted({(k, says[s]) for k, (a, b, _) in enumerate(intervals) for s in range(a, b)})
    table = np.array(pairs, dtype=np.int64)
    return intervals, Said(table[:, 0], table[:, 1], np.array(words, dtype=np.int64))


def columns(intervals):
    table = np.array(intervals, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def worth(intervals, said: Said, chosen) -> int:
    """Hundredths of a point, counted in the plainest way."""
    total = sum(round(100 * intervals[k][2]) for k in chosen)
    for saying, words in enumerate(said.words.tolist()):
        times = sum((k, saying) in zip(said.run, said.saying, strict=True) for k in chosen)
        total -= 100 * POINTS_PER_WORD * words * max(times - 1, 0)
    return total


@st.composite
def seconds(draw, intervals):
    """For some of the intervals another one beside it, empty for the others: [n, 2]."""
    table = np.zeros((len(intervals), 2))
    for k, (begin, end, _) in enumerate(intervals):
        free = [(a, b) for a in range(SENTENCES) for b in range(a + 1, a + 4) if b <= begin or end <= a]
        if free and draw(st.booleans()):
            table[k] = draw(st.sampled_from(free))
    return table


def disjoint(intervals, chosen, second=None) -> bool:
    pieces = [
        [intervals[k][:2]] + [tuple(s) for s in ([] if second is None else [second[k]]) if s[0] < s[1]] for k in chosen
    ]
    return all(a[1] <= b[0] or b[1] <= a[0] for one, other in combinations(pieces, 2) for a in one for b in other)


def sets(intervals, at_most: int, second=None):
    """All sets without overlap."""
    tried = (each for n in range(at_most + 1) for each in combinations(range(len(intervals)), n))
    return (each for each in tried if disjoint(intervals, each, second))


def problem(intervals, said: Said, at_most: int, second=None) -> Problem:
    """The same in whole numbers, as the selection poses it."""
    start_s, end_s, score = columns(intervals)
    points = np.rint(100 * score).astype(np.int64)
    second = np.zeros((len(points), 2)) if second is None else second
    return Problem(start_s, end_s, 1000 * points - 1, said, said.words * (100_000 * POINTS_PER_WORD), at_most, second)
