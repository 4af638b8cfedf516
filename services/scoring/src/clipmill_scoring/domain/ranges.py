"""The parts of a video that clips may be taken from; none stands for the whole video."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.spans import Spans
from clipmill_scoring.domain.timeline import Bools, Floats

Ranges = Spans


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
