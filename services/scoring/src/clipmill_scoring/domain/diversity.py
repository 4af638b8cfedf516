"""The best set of clips when saying something again costs points: an integer programme, made small, solved exactly."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.relaxation import Problem, clashes, narrowed
from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.selection import PER_POINT, select
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


def select_diverse(
    start_s: Floats, end_s: Floats, score: Floats, said: Said, at_most: int, *, second: Floats | None = None
) -> Selection:
    """At most `at_most` intervals [start_s, end_s) without overlap with the largest sum of scores, less repetition.

    Repetition costs POINTS_PER_WORD for each word of each saying, each time after the first. `said.run` are indexes of
    the intervals. As for `select`, no interval may be empty, no score negative; of equal sums the fewest clips.
    A row of `second` is another interval that comes with the first, overlaps no other either, and may be empty.

    The optimum without repetition and seconds is one with them where it repeats nothing and its seconds overlap
    nothing: then dynamic programming was enough. Else
    an interval that holds another one of no smaller score is left out (who holds another says all that it says, so a
    set with the outer one is no better than with the inner one), and what the relaxation rules out; mostly nothing is
    left then, and what was found is proven. What is left goes to the solver.
    """
    if second is None:
        second = np.zeros((len(score), 2))
    is_single = second[:, 0] >= second[:, 1]
    free = select(start_s, end_s, score, at_most)
    if not said.again(free).any() and not clashes(start_s[free], end_s[free], second[free]):
        return Selection(free, is_proven=True)
    points = np.rint(score * PER_POINT).astype(np.int64)
    cost = said.words * (POINTS_PER_WORD * PER_POINT)
    # The last digits count clips: of equal sums the fewest.
    whole = Problem(start_s, end_s, points * PER_HUNDREDTH - 1, said, cost * PER_HUNDREDTH, at_most, second)
    nothing, dearest = np.zeros_like(cost), whole.cost
    strict, _ = whole.relaxed(dearest)
    single = np.flatnonzero(is_single)
    plain = single[select(start_s[single], end_s[single], score[single], at_most)]
    known = max(free, strict, plain, plain[:0], key=whole.value)
    value = whole.value(known)
    # One with a second is no smaller than what holds its first.
    holds = np.zeros_like(is_single)
    holds[single] = _holds_better(start_s[single], end_s[single], points[single])
    kept = np.flatnonzero(whole.may_beat(value, nothing) & ~holds)
    part = narrowed(whole.only(kept), value)
    if part.found is not None:
        known = kept[part.found]
    if not len(part.left):
        return Selection(known, is_proven=True)
    kept = kept[part.left]
    found, is_proven = _solve(whole.only(kept))
    return Selection(max(kept[found], known, key=whole.value), is_proven)


def _holds_better(start_s: Floats, end_s: Floats, points: Ints) -> Bools:
    """True for each interval that contains another one of no fewer points; of equal intervals the first stays."""
    # Met from late to early starts, short ones first, an interval comes after all that it contains.
    order = np.lexsort((-points, end_s, -start_s))
    # Of those met so far, ends in rising order with rising points: who ends later for fewer points is no measure.
    finishes, values = end_s.tolist(), points.tolist()
    ends: list[float] = []
    most: list[int] = []
    holds = np.zeros(len(points), dtype=np.bool_)
    for k in order.tolist():
        end, worth = finishes[k], values[k]
        at = bisect_right(ends, end)
        if at and most[at - 1] >= worth:
            holds[k] = True
            continue
        last = at
        while last < len(most) and most[last] <= worth:
            last += 1
        # One that ends at the same time for fewer points gives way, too.
        first = at - 1 if at and ends[at - 1] == end else at
        ends[first:last], most[first:last] = [end], [worth]
    return holds


def _solve(problem: Problem) -> tuple[Ints, bool]:
    """The optimum by HiGHS, and whether it is proven to be one.

    A set without overlap is a path through time: from start to start by waiting, and over an interval to the first
    start at or after its end. Each interval then has two entries in the matrix, whatever it overlaps; one that comes
    with a second has four, and the path goes over both.
    """
    # Late: most videos need no solver.
    from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped]
    from scipy.sparse import coo_array  # type: ignore[import-untyped]

    said = problem.said
    also = np.flatnonzero(problem.second[:, 0] < problem.second[:, 1])
    # All intervals, and whose they are.
    owner = np.concatenate((np.arange(len(problem)), also))
    start_s = np.concatenate((problem.start_s, problem.second[also, 0]))
    end_s = np.concatenate((problem.end_s, problem.second[also, 1]))
    times = np.unique(start_s)
    nodes, count, sayings = len(times), len(problem), len(said.words)
    # Variables: an interval each, a wait from each time to the next one (from the last one: to the end), and how
    # often each saying is said after the first time.
    waits, repeats = count + np.arange(nodes), count + nodes + np.arange(sayings)
    width = count + nodes + sayings
    arrives = np.searchsorted(times, end_s, side="left")
    inner = np.flatnonzero(arrives < nodes)
    rows = np.concatenate((np.searchsorted(times, start_s), np.arange(nodes), arrives[inner], np.arange(1, nodes)))
    columns = np.concatenate((owner, waits, owner[inner], waits[:-1]))
    signs = np.concatenate((np.ones(len(owner) + nodes), -np.ones(len(inner) + nodes - 1)))
    path = coo_array((signs, (rows, columns)), shape=(nodes, width)).tocsr()
    source = np.concatenate(([1.0], np.zeros(nodes - 1)))
    number = coo_array((np.ones(count), (np.zeros(count), np.arange(count))), shape=(1, width)).tocsr()
    rows = np.concatenate((said.saying, np.arange(sayings)))
    columns = np.concatenate((said.run, repeats))
    signs = np.concatenate((np.ones(len(said.run)), -np.ones(sayings)))
    again = coo_array((signs, (rows, columns)), shape=(sayings, width)).tocsr()
    gain = np.concatenate((problem.worth, np.zeros(nodes), -problem.cost)) / PER_HUNDREDTH
    result = milp(
        -gain,
        integrality=np.concatenate((np.ones(count), np.zeros(nodes + sayings))),
        bounds=Bounds(0, np.concatenate((np.ones(count + nodes), np.full(sayings, np.inf)))),
        constraints=[
            LinearConstraint(path, source, source),
            LinearConstraint(number, -np.inf, problem.at_most),
            LinearConstraint(again, -np.inf, 1),
        ],
        options={"mip_rel_gap": 0.0, "time_limit": SOLVER_LIMIT_S},
    )
    if result.x is None:
        return np.zeros(0, dtype=np.int64), False
    chosen = np.flatnonzero(result.x[:count] > 0.5)
    return chosen[np.argsort(problem.start_s[chosen])], result.status == 0
