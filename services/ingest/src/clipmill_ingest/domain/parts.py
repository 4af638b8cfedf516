"""Where a long video is cut into parts that are worked on side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

# A part shorter than this costs more in starting than it saves by running beside others.
SHORTEST_S = 30.0
# A job's events name every part and must stay under 64 KiB; so very long videos have longer parts.
MOST_PARTS = 96
# How far from the ideal place a cut may lie, as a share of a part.
SLACK = 0.4
# A cut lies in the middle of so much of the quietest sound.
PAUSE_S = 1.0
# What one part of slack weighs against loudness.
FAR_DB = 6.0
QUIETEST_DB = -70.0


@dataclass(frozen=True)
class Span:
    """A half-open range of seconds on the video's clock."""

    start_s: float
    end_s: float


def number_of_parts(duration_s: float, part_s: float, side_by_side: int) -> int:
    """About `part_s` each, and where that is long enough a multiple of `side_by_side`: no core waits at the end."""
    wanted = math.ceil(duration_s / part_s)
    wanted = math.ceil(wanted / side_by_side) * side_by_side
    return max(1, min(wanted, int(duration_s // SHORTEST_S), MOST_PARTS))


def at_silences(level_db: npt.NDArray[np.float32], step_s: float, duration_s: float, parts: int) -> list[Span]:
    """At most `parts` spans that cover [0, duration), cut in the quietest second near equal lengths.

    `level_db[i]` is the level of the sound in [i * step_s, (i + 1) * step_s), in dB of full scale.
    """
    window = max(1, round(PAUSE_S / step_s))
    if len(level_db) <= window:
        return [Span(0.0, duration_s)]
    loud = np.maximum(level_db, QUIETEST_DB)
    smooth = np.convolve(loud, np.full(window, 1 / window), mode="valid")
    middle_s = (np.arange(len(smooth)) + window / 2) * step_s
    cuts = []
    for ideal_s in _ideal_cuts(duration_s, parts):
        slack_s = SLACK * duration_s / parts
        off = np.abs(middle_s - ideal_s) / slack_s
        near = np.where(off <= 1.0, smooth + FAR_DB * off, np.inf)
        best = int(np.argmin(near))
        if np.isfinite(near[best]):
            cuts.append(float(middle_s[best]))
    return _spans(cuts, duration_s)


def at_keyframes(keyframes_s: Sequence[float], duration_s: float, parts: int) -> list[Span]:
    """At most `parts` spans that cover [0, duration), each but the first beginning at the keyframe nearest to equal
    lengths. `keyframes_s` is in order."""
    times = np.asarray(keyframes_s, dtype=np.float64)
    if not len(times):
        return [Span(0.0, duration_s)]
    return _spans(
        [float(times[np.argmin(np.abs(times - ideal))]) for ideal in _ideal_cuts(duration_s, parts)], duration_s
    )


def _ideal_cuts(duration_s: float, parts: int) -> list[float]:
    return [duration_s * i / parts for i in range(1, parts)]


def _spans(cuts: Sequence[float], duration_s: float) -> list[Span]:
    inside = sorted({cut for cut in cuts if 0.0 < cut < duration_s})
    edges = [0.0, *inside, duration_s]
    return [Span(start, end) for start, end in pairwise(edges)]
