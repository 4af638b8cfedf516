"""The best set of clips: weighted interval scheduling with a limit on the number, solved exactly."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.timeline import Floats, Ints

# Scores are compared in hundredths of a point, as whole numbers: so "exactly the best" means just that.
PER_POINT = 100


def select(start_s: Floats, end_s: Floats, score: Floats, at_most: int) -> Ints:
    """Indexes of those at most `at_most` intervals [start_s, end_s) without overlap whose scores add up to most.

    No interval may be empty, no score negative. Of sets with equal sums the one of fewest clips is taken, and of those
    the one that ends earliest. Indexes come in order of time.

    Dynamic programming over the intervals in order of end (Kleinberg and Tardos, Algorithm Design, 6.1, with a column
    for each number of clips): best[c][i] = max(best[c][i - 1], score[i] + best[c - 1][those that end by start[i]]).
    Each column is one pass of numpy: O(at_most * n + n log n).
    """
    if not len(score) or at_most < 1:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((start_s, end_s))
    points = np.rint(score * PER_POINT).astype(np.int64)
    # One more clip may not help where two more do, so the first column without a gain is not the last one.
    best, before = best_sums(start_s, end_s, points, min(at_most, most_disjoint(start_s, end_s)))
    chosen: list[int] = []
    end = len(points)
    for count in range(len(best) - 1, 0, -1):
        if best[count][end] > best[count - 1][end]:
            # The first interval at which the sum was reached is the one that completes it.
            place = int(np.searchsorted(best[count][: end + 1], best[count][end], side="left")) - 1
            chosen.append(int(order[place]))
            end = int(before[chosen[-1]])
    return np.array(chosen[::-1], dtype=np.int64)


def best_sums(start_s: Floats, end_s: Floats, points: Ints, at_most: int) -> tuple[list[Ints], Ints]:
    """best[c][i]: the largest sum of at most c intervals without overlap among the first i in order of their ends.

    And how many intervals end by the time that each interval starts.
    """
    order = np.lexsort((start_s, end_s))
    before = np.searchsorted(end_s[order], start_s, side="right")
    best = [np.zeros(len(points) + 1, dtype=np.int64)]
    for _ in range(at_most):
        column = np.zeros(len(points) + 1, dtype=np.int64)
        np.maximum.accumulate(points[order] + best[-1][before[order]], out=column[1:])
        best.append(np.maximum(column, best[-1]))
    return best, before


def most_disjoint(start_s: Floats, end_s: Floats) -> int:
    """How many of the intervals can be had at once without overlap: the one that ends first, again and again."""
    order = np.lexsort((start_s, end_s))
    count, free_s = 0, -np.inf
    for begin_s, finish_s in zip(start_s[order].tolist(), end_s[order].tolist(), strict=True):
        if begin_s >= free_s:
            count, free_s = count + 1, finish_s
    return count
