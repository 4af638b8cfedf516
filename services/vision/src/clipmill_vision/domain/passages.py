"""Passages in which there is little to see: black, frozen, and fades to and from black."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from clipmill_vision.domain.shots import Look

SHORTEST_BLACK_S = 0.2
# Frozen: luma changes by less on average, for so long.
STILL, SHORTEST_FROZEN_S = 0.0005, 2.0
SHORTEST_FADE_S, LONGEST_FADE_S = 0.3, 4.0
# A fade begins from a picture at least so bright, and its brightness goes one way but for so much.
FADE_FROM, UNEVEN = 0.1, 0.003
# Brightness between two looks, a tenth of a second apart.
STEEPEST = 0.35


class Kind(Enum):
    BLACK = "black"
    FROZEN = "frozen"
    FADE_OUT = "fade out"
    FADE_IN = "fade in"


@dataclass(frozen=True)
class Passage:
    kind: Kind
    start_s: float
    end_s: float


def passages_of(looks: Sequence[Look], end_s: float) -> list[Passage]:
    """From the looks at a part (those with a brightness count), in order of time. The last look lasts until `end_s`."""
    seen = [look for look in looks if look.brightness is not None]
    times = [*(look.time_s for look in seen), end_s]
    found: list[Passage] = []
    black = _runs([look.is_black for look in seen])
    for first, after in black:
        if times[after] - times[first] < SHORTEST_BLACK_S:
            continue
        found.append(Passage(Kind.BLACK, times[first], times[after]))
        begin = _slope(seen, first, -1)
        if SHORTEST_FADE_S <= times[first] - times[begin] <= LONGEST_FADE_S:
            found.append(Passage(Kind.FADE_OUT, times[begin], times[first]))
        end = _slope(seen, after - 1, 1)
        if SHORTEST_FADE_S <= times[end] - times[after] <= LONGEST_FADE_S:
            found.append(Passage(Kind.FADE_IN, times[after], times[end]))
    # A black picture does not move; that it is black says more.
    still = [look.motion is not None and look.motion < STILL and not look.is_black for look in seen]
    for first, after in _runs(still):
        # The motion of a look is that since the look before.
        begin = max(first - 1, 0)
        if times[after - 1] - times[begin] >= SHORTEST_FROZEN_S:
            found.append(Passage(Kind.FROZEN, times[begin], times[after]))
    return sorted(found, key=lambda passage: (passage.start_s, passage.end_s))


def _runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """The stretches of true, as first and one after the last."""
    edges = [n for n in range(len(flags) + 1) if (n < len(flags) and flags[n]) != (n > 0 and flags[n - 1])]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _slope(seen: Sequence[Look], at: int, step: int) -> int:
    """How far from the black look `at` brightness rises steadily in the direction of `step`; `at` if it does not."""
    end = at
    while 0 <= end + step < len(seen):
        here, there = seen[end].brightness or 0.0, seen[end + step].brightness or 0.0
        if there <= here + UNEVEN and end != at:
            break
        # A cut from black is no fade.
        if there - here > STEEPEST:
            break
        end += step
    return end if (seen[end].brightness or 0.0) >= FADE_FROM else at
