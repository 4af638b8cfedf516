"""What can still be in the best set when repetition has a price: Lagrangian relaxation, in whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.selection import Line
from clipmill_scoring.domain.timeline import Bools, Floats, Ints

# In a round prices are moved so often; after so many moves in vain they move half as far. A round that leaves more than
# half is the last.
STEPS = 30
PATIENCE = 3
WORTH_A_ROUND = 0.5


@dataclass(frozen=True)
class Problem:
    """Choose at most `at_most` intervals without overlap: each adds its worth, each saying after the first its cost.

    Worth and cost are whole numbers, so that bounds are exact. Of an interval that comes with a second one, `second`
    says from when to when, elsewhere it is empty; bounds let seconds overlap anything, sets may not.
    """

    start_s: Floats
    end_s: Floats
    worth: Ints
    said: Said
    cost: Ints
    at_most: int
    # [n, 2]
    second: Floats

    def __len__(self) -> int:
        return len(self.worth)

    def value(self, chosen: Ints) -> int:
        """What a set is worth; less than nothing where a second interval overlaps another one of it."""
        if clashes(self.start_s[chosen], self.end_s[chosen], self.second[chosen]):
            return -1
        return int(self.worth[chosen].sum() - self.cost @ self.said.again(chosen))

    def only(self, kept: Ints) -> Problem:
        """The same with these intervals alone, numbered anew."""
        return Problem(
            self.start_s[kept],
            self.end_s[kept],
            self.worth[kept],
            self.said.among(kept),
            self.cost[self.sayings_of(kept)],
            self.at_most,
            self.second[kept],
        )

    def sayings_of(self, kept: Ints) -> Ints:
        """The sayings that these intervals say: those of `only(kept)`, in order."""
        return np.unique(self.said.saying[np.isin(self.said.run, kept)])

    def relaxed(self, price: Ints) -> tuple[Ints, int]:
        """The best set where each saying costs its price each time, and a bound: no set's value is larger.

        With 0 <= price <= cost, cost * max(times - 1, 0) >= price * (times - 1): the relaxed sum, and the prices given
        back once, are at least any set's value.
        """
        best = self._forward.sums(self._charged(price), self.at_most)
        return self._forward.chosen(best), int(best[-1][-1] + price.sum())

    def may_beat(self, value: int, price: Ints) -> Bools:
        """For each interval, whether a set with it might be worth more than `value`."""
        charged = self._charged(price)
        forward = self._forward.sums(charged, self.at_most - 1)
        backward = self._backward.sums(charged, self.at_most - 1)
        done, left = self._forward.before, self._backward.before
        rest = forward[0][done] + backward[-1][left]
        for a, b in zip(forward[1:], reversed(backward[:-1]), strict=True):
            np.maximum(rest, a[done] + b[left], out=rest)
        able: Bools = charged + rest + price.sum() > value
        return able

    def _charged(self, price: Ints) -> Ints:
        return self.worth - np.bincount(self.said.run, price[self.said.saying], len(self)).astype(np.int64)

    @cached_property
    def _forward(self) -> Line:
        return Line.of(self.start_s, self.end_s)

    @cached_property
    def _backward(self) -> Line:
        return Line.of(-self.end_s, -self.start_s)


def clashes(start_s: Floats, end_s: Floats, second: Floats) -> bool:
    """Whether any of these intervals, and seconds that are not empty, overlap."""
    there = second[second[:, 0] < second[:, 1]]
    if not len(there):
        return False
    begin, end = np.concatenate((start_s, there[:, 0])), np.concatenate((end_s, there[:, 1]))
    order = np.argsort(begin)
    return bool((begin[order][1:] < end[order][:-1]).any())


@dataclass(frozen=True)
class Narrowed:
    """`found` is a set worth more than what was known, if any; `left` are the intervals that a better one may have."""

    found: Ints | None
    left: Ints


def narrowed(problem: Problem, value: int) -> Narrowed:
    """What can be worth more than `value`; with nothing left, `found`, or else what was known, is the best.

    In rounds: prices are moved along the subgradient (times said - 1) by Polyak's step, halved where it does not help
    (Held, Wolfe and Crowder, Validation of subgradient optimization, 1974), the best set met is polished, and what no
    better set can have is left out.
    """
    left, part, found = np.arange(len(problem)), problem, None
    price = np.zeros_like(part.cost)
    while len(left):
        descent = _descended(part, price, value)
        if (gain := part.value(polished := _polished(part, descent.chosen))) > value:
            found, value = left[polished], gain
        able = np.flatnonzero(part.may_beat(value, descent.price)) if descent.bound > value else left[:0]
        is_last = len(able) > WORTH_A_ROUND * len(left)
        price, left, part = descent.price[part.sayings_of(able)], left[able], part.only(able)
        if is_last:
            break
    return Narrowed(found, left)


@dataclass(frozen=True)
class _Descent:
    """The lowest bound found, with its prices, and the best set met on the way."""

    bound: int
    price: Ints
    chosen: Ints


def _descended(part: Problem, price: Ints, value: int) -> _Descent:
    best, bound = part.relaxed(price)
    lowest = _Descent(bound, price, best)
    most = part.value(best)
    step, without = 1.0, 0
    chosen = best
    for _ in range(STEPS):
        if lowest.bound <= max(value, most):
            break
        slope = part.said.times(chosen) - 1
        # A price at its limit does not move beyond it.
        slope[((price == 0) & (slope < 0)) | ((price == part.cost) & (slope > 0))] = 0
        length = step * (bound - max(value, most)) / max(int(slope @ slope), 1)
        price = np.clip(np.rint(price + length * slope).astype(np.int64), 0, part.cost)
        chosen, bound = part.relaxed(price)
        if (worth := part.value(chosen)) > most:
            best, most = chosen, worth
        without += 1
        if bound < lowest.bound:
            lowest, without = _Descent(bound, price, best), 0
        elif without == PATIENCE:
            step, without = step / 2, 0
    return _Descent(lowest.bound, lowest.price, best)


def _polished(part: Problem, chosen: Ints) -> Ints:
    """The set with one interval after another changed for the best that fits into its place, as long as that helps."""
    value, turns = part.value(chosen), 0
    while turns < len(chosen):
        # The one whose turn it is goes; what the others say costs.
        others = chosen[1:]
        heard = part.said.times(others) > 0
        worth = part.worth - np.bincount(part.said.run, (part.cost * heard)[part.said.saying], len(part)).astype(
            np.int64
        )
        begin_s, end_s = part.start_s[chosen[0]], part.end_s[chosen[0]]
        before, after = part.end_s[others], part.start_s[others]
        fits = (part.start_s >= before[before <= begin_s].max(initial=-np.inf)) & (
            part.end_s <= after[after >= end_s].min(initial=np.inf)
        )
        other = np.append(others, np.flatnonzero(fits)[np.argmax(worth[fits])])
        turns = turns + 1 if (gain := part.value(other)) <= value else 1
        chosen, value = (other, gain) if gain > value else (np.append(others, chosen[0]), value)
    return chosen[np.argsort(part.start_s[chosen])]
