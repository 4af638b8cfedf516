"""The best set of clips: weighted interval scheduling with a limit on the number, solved exactly."""

from __future__ import annotations

from dataclasses import dataclass

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
    line = Line.of(start_s, end_s)
    # One more clip may not help where two more do, so the first column without a gain is not the last one.
    columns = line.sums(np.rint(score * PER_POINT).astype(np.int64), min(at_most, most_disjoint(start_s, end_s)))
    return line.chosen(columns)


@dataclass(frozen=True)
class Line:
    """Intervals in order of their ends: `order` are their indexes, `before` says of each how many end by its start."""

    order: Ints
    before: Ints

    @classmethod
    def of(cls, start_s: Floats, end_s: Floats) -> Line:
        order = np.lexsort((start_s, end_s))
        return cls(order, np.searchsorted(end_s[order], start_s, side="right"))

    def sums(self, points: Ints, at_most: int) -> list[Ints]:
        """best[c][i]: the largest sum of at most c intervals without overlap among the first i in order."""
        ordered, free = points[self.order], self.before[self.order]
        best = [np.zeros(len(points) + 1, dtype=np.int64)]
        for _ in range(at_most):
            column = np.zeros(len(points) + 1, dtype=np.int64)
            np.maximum.accumulate(ordered + best[-1][free], out=column[1:])
            best.append(np.maximum(column, best[-1], out=column))
        return best

    def chosen(self, best: list[Ints]) -> Ints:
        """The intervals whose sum is best[-1][-1]; of equal sums the fewest, and of those the ones that end first."""
        chosen: list[int] = []
        end = len(self.order)
        for count in range(len(best) - 1, 0, -1):
            if best[count][end] > best[count - 1][end]:
                # The first interval at which the sum was reached is the one that completes it.
                place = int(np.searchsorted(best[count][: end + 1], best[count][end], side="left")) - 1
                chosen.append(int(self.order[place]))
                end = int(self.before[chosen[-1]])
        return np.array(chosen[::-1], dtype=np.int64)


def most_disjoint(start_s: Floats, end_s: Floats) -> int:
    """How many of the intervals can be had at once without overlap: the one that ends first, again and again."""
    order = np.lexsort((start_s, end_s))
    count, free_s = 0, -np.inf
    for begin_s, finish_s in zip(start_s[order].tolist(), end_s[order].tolist(), strict=True):
        if begin_s >= free_s:
            count, free_s = count + 1, finish_s
    return count
