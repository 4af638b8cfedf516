"""The parts of a video that clips may be taken from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from clipmill_scoring.domain.timeline import Bools, Floats

# Half-open, in seconds on the video's clock, in order, apart from each other; none stands for the whole video.
Ranges = tuple[tuple[float, float], ...]


def merged(ranges: Iterable[tuple[float, float]]) -> Ranges:
    """Ranges in any order; those that overlap or touch become one."""
    whole: list[tuple[float, float]] = []
    for start_s, end_s in sorted(ranges):
        if whole and start_s <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end_s))
        else:
            whole.append((start_s, end_s))
    return tuple(whole)


def inside(start_s: Floats, end_s: Floats, ranges: Ranges) -> Bools:
    """Which intervals lie wholly in one of the ranges."""
    if not ranges:
        return np.ones(len(start_s), dtype=np.bool_)
    starts_s, ends_s = np.array(ranges).T
    at = np.searchsorted(starts_s, start_s, side="right") - 1
    within: Bools = (at >= 0) & (end_s <= ends_s[np.maximum(at, 0)])
    return within


def longest_s(ranges: Ranges, duration_s: float) -> float:
    """How long the longest range is, as far as the video goes."""
    return max((min(end_s, duration_s) - start_s for start_s, end_s in ranges), default=duration_s)
