"""The best set of clips when saying something again costs points: an integer programme, made small, solved exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.selection import PER_POINT, best_sums, select
from clipmill_scoring.domain.timeline import Bools, Floats, Ints

# What each word costs that is said again: a retake of fifteen words (6 s) costs more than an ordinary clip is worth,
# so it never comes in; a sentence of ten words lets a clip in that has much else to say, where nothing else would.
POINTS_PER_WORD = 4
# When the solver stops and the best set found so far is taken. Ordinary videos need a twentieth of it.
SOLVER_LIMIT_S = 10.0
# Of equal sums the fewest clips: each costs so small a part of a hundredth of a point.
PER_HUNDREDTH = 1000


@dataclass(frozen=True)
class Selection:
    """Indexes of the chosen in order of time. `is_proven`: no other set is better."""

    chosen: Ints
    is_proven: bool


def select_diverse(start_s: Floats, end_s: Floats, score: Floats, said: Said, at_most: int) -> Selection:
    """At most `at_most` intervals [start_s, end_s) without overlap with the largest sum of scores, less repetition.

    Repetition costs POINTS_PER_WORD for each word of each saying, each time after the first. `said.run` are indexes of
    the intervals. As for `select`, no interval may be empty, no score negative; of equal sums the fewest clips.

    The optimum without repetition is one with it where it repeats nothing: then dynamic programming was enough. Else
    its value, and that of the best set when every saying is charged always, bound the optimum from below; an interval
    that cannot be in a set that good, or that holds another one of no smaller score, cannot change the optimum and is
    left out. (Who holds another says all that it says. A set with the outer one is no better than with the inner one.)
    """
    cost = _cost(said)
    points = np.rint(score * PER_POINT).astype(np.int64)

    def value(chosen: Ints) -> int:
        return int(points[chosen].sum() - cost @ said.again(chosen))

    free = select(start_s, end_s, score, at_most)
    if not said.again(free).any():
        return Selection(free, is_proven=True)
    charged = points - np.bincount(said.run, cost[said.saying], len(points)).astype(np.int64)
    strict = select(start_s, end_s, np.maximum(charged, 0) / PER_POINT, at_most)
    known = max(free, strict, key=value)
    kept = np.flatnonzero(
        (_best_with(start_s, end_s, points, at_most) >= value(known)) & ~_holds_better(start_s, end_s, points)
    )
    found, is_proven = _solve(start_s[kept], end_s[kept], points[kept], said.among(kept), at_most)
    return Selection(max(kept[found], known, key=value), is_proven)


def _best_with(start_s: Floats, end_s: Floats, points: Ints, at_most: int) -> Ints:
    """For each interval, the largest sum of a set of at most `at_most` without overlap that it is in."""
    forward, done_before = best_sums(start_s, end_s, points, at_most - 1)
    backward, left_after = best_sums(-end_s, -start_s, points, at_most - 1)
    both = [a[done_before] + b[left_after] for a, b in zip(forward, reversed(backward), strict=True)]
    best: Ints = points + np.max(both, axis=0)
    return best


def _holds_better(start_s: Floats, end_s: Floats, points: Ints) -> Bools:
    """True for each interval that contains another one of no fewer points; of equal intervals the first stays."""
    # Met from late to early starts, short ones first, an interval comes after all that it contains.
    order = np.lexsort((-points, end_s, -start_s))
    # Of those met so far, ends in rising order with rising points: who ends later for fewer points is no measure.
    ends: list[float] = []
    most: list[int] = []
    holds = np.zeros(len(points), dtype=np.bool_)
    for k in order.tolist():
        at = int(np.searchsorted(ends, end_s[k], side="right"))
        if at and most[at - 1] >= points[k]:
            holds[k] = True
            continue
        last = at
        while last < len(most) and most[last] <= points[k]:
            last += 1
        # One that ends at the same time for fewer points gives way, too.
        first = at - 1 if at and ends[at - 1] == end_s[k] else at
        ends[first:last], most[first:last] = [float(end_s[k])], [int(points[k])]
    return holds


def _solve(start_s: Floats, end_s: Floats, points: Ints, said: Said, at_most: int) -> tuple[Ints, bool]:
    """The optimum by HiGHS, and whether it is proven to be one.

    A set without overlap is a path through time: from start to start by waiting, and over an interval to the first
    start at or after its end. Each interval then has two entries in the matrix, whatever it overlaps.
    """
    # Late: most videos need no solver.
    from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped]
    from scipy.sparse import coo_array  # type: ignore[import-untyped]

    times = np.unique(start_s)
    nodes, count, sayings = len(times), len(points), len(said.words)
    # Variables: an interval each, a wait from each time to the next one (from the last one: to the end), and how
    # often each saying is said after the first time.
    waits, repeats = count + np.arange(nodes), count + nodes + np.arange(sayings)
    width = count + nodes + sayings
    arrives = np.searchsorted(times, end_s, side="left")
    inner = np.flatnonzero(arrives < nodes)
    rows = np.concatenate((np.searchsorted(times, start_s), np.arange(nodes), arrives[inner], np.arange(1, nodes)))
    columns = np.concatenate((np.arange(count), waits, inner, waits[:-1]))
    signs = np.concatenate((np.ones(count + nodes), -np.ones(len(inner) + nodes - 1)))
    path = coo_array((signs, (rows, columns)), shape=(nodes, width)).tocsr()
    source = np.concatenate(([1.0], np.zeros(nodes - 1)))
    number = coo_array((np.ones(count), (np.zeros(count), np.arange(count))), shape=(1, width)).tocsr()
    rows = np.concatenate((said.saying, np.arange(sayings)))
    columns = np.concatenate((said.run, repeats))
    signs = np.concatenate((np.ones(len(said.run)), -np.ones(sayings)))
    again = coo_array((signs, (rows, columns)), shape=(sayings, width)).tocsr()
    gain = np.concatenate((points - 1 / PER_HUNDREDTH, np.zeros(nodes), -_cost(said)))
    result = milp(
        -gain,
        integrality=np.concatenate((np.ones(count), np.zeros(nodes + sayings))),
        bounds=Bounds(0, np.concatenate((np.ones(count + nodes), np.full(sayings, np.inf)))),
        constraints=[
            LinearConstraint(path, source, source),
            LinearConstraint(number, -np.inf, at_most),
            LinearConstraint(again, -np.inf, 1),
        ],
        options={"mip_rel_gap": 0.0, "time_limit": SOLVER_LIMIT_S},
    )
    if result.x is None:
        return np.zeros(0, dtype=np.int64), False
    chosen = np.flatnonzero(result.x[:count] > 0.5)
    return chosen[np.argsort(start_s[chosen])], result.status == 0


def _cost(said: Said) -> Ints:
    """What each saying costs when it is said again, in hundredths of a point."""
    return said.words * (POINTS_PER_WORD * PER_POINT)
