"""What tells a picture again in another encoding: its colours in a coarse grid, each second and where shots begin.

And whether a copy's frames are these, and which is which. Of the same frame at 480p and at 360p, encoded at crf 32 and
36, the grids are at most 1.3 and 1.8 levels apart (mean); at another brightness 9, mirrored 24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.means import means

SIZE = 16
EVERY_S = 1.0
# A sound's offset, and the delays of codecs and containers, leave so much open.
REACH_S = 0.25
# In 8-bit levels: of one picture's grids the mean difference, and that of the cell that differs most.
MOST_APART, MOST_IN_A_CELL = 3.0, 40.0
# The same of a cell's median over all places: what is laid over the picture, or a colour that was changed.
MOST_LASTING = 10.0
# Where a shot begins the copy changes by so much, from one frame to the next.
LEAST_JUMP = 5.0
# A place speaks for another frame where that looks so much more like it; so many places may.
CLEARLY, MOST_AGAINST = 0.5, 0.25
LEAST_PLACES = 3
# How nearly all frames lie where the copy has frames: 1 for all, 0 for none (the mean of unit vectors).
LEAST_IN_STEP = 0.95

Grid = NDArray[np.uint8]
Times = NDArray[np.float64]


@dataclass
class Sketch:
    """Grids of SIZE x SIZE x 3 with their frames' times, in order."""

    times_s: list[float] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    # From one of all frames to the next, in the mean.
    frame_s: float = 0.0

    def add(self, time_s: float, picture: NDArray[np.uint8], *, is_new_shot: bool) -> None:
        """`picture`: RGB, height x width x 3, upright."""
        if is_new_shot or not self.times_s or time_s >= self.times_s[-1] + EVERY_S:
            self.times_s.append(time_s)
            self.grids.append(grid_of(picture))

    def again(self, time_s: float) -> None:
        """The picture is the one before."""
        if self.times_s and time_s >= self.times_s[-1] + EVERY_S:
            self.times_s.append(time_s)
            self.grids.append(self.grids[-1])


@dataclass(frozen=True)
class Place:
    """A frame of the earlier video, and the copy's frames about it, in order: their times and grids."""

    time_s: float
    grid: Grid
    begins_shot: bool
    times_s: Times
    grids: Sequence[Grid]


def grid_of(picture: NDArray[np.uint8]) -> Grid:
    """RGB means, SIZE x SIZE x 3, whatever the picture's shape."""
    cells = [means(picture[:, :, channel], SIZE) for channel in range(3)]
    return np.stack(cells, axis=-1).round().astype(np.uint8)


def in_step(earlier_s: Times, copy_s: Times, offset_s: float) -> float | None:
    """The offset nearest to the given one by which the earlier frames' times are times of the copy's frames.

    None where there is none: another frame rate.
    """
    if len(copy_s) < 2 or not len(earlier_s):
        return None
    frame_s = float(np.median(np.diff(copy_s)))
    expected = earlier_s + offset_s
    turns = np.exp(2j * np.pi * (nearest(copy_s, expected) - expected) / frame_s).mean()
    return offset_s + float(np.angle(turns)) / (2 * np.pi) * frame_s if abs(turns) >= LEAST_IN_STEP else None


def nearest(times_s: Times, at_s: Times) -> Times:
    """For each moment the nearest of the times, which are in order."""
    after = np.clip(np.searchsorted(times_s, at_s), 1, len(times_s) - 1)
    before_s, after_s = times_s[after - 1], times_s[after]
    return np.where(at_s - before_s <= after_s - at_s, before_s, after_s)


def offset_of(places: Sequence[Place], frame_s: float, near_s: float) -> float | None:
    """By how much the copy's frames are later: `near_s` and a whole number of frames; None where it is another picture.

    Where shots begin the frame is told exactly; elsewhere it is the one that looks most like it.
    """
    reach = int(REACH_S / frame_s)
    # With a frame for longer than the reach there is no other to tell it from.
    if len(places) < LEAST_PLACES or not reach:
        return None
    lags = np.arange(-reach, reach + 1)
    apart = np.array([_apart(place, near_s + lags * frame_s, frame_s) for place in places])
    jumps = [_jump(row) for row, place in zip(apart, places, strict=True) if place.begins_shot]
    told = [at for at in jumps if at is not None]
    best = int(np.median(told)) if told else int(np.argmin(np.minimum(apart, 2 * MOST_APART).sum(axis=0)))
    if any(at != best for at in told) or not _agree(apart, best):
        return None
    offset_s = near_s + float(lags[best]) * frame_s
    return offset_s if _is_same(places, offset_s) else None


def _apart(place: Place, offsets_s: NDArray[np.floating], frame_s: float) -> Times:
    """The mean difference from the copy's frame at each of the offsets; infinite where it has none."""
    found = np.full(len(offsets_s), np.inf)
    for number, at_s in enumerate(place.time_s + offsets_s):
        frame = _frame_at(place, at_s)
        if frame is not None and abs(place.times_s[frame] - at_s) < frame_s / 4:
            found[number] = np.abs(_difference(place, frame)).mean()
    return found


def _frame_at(place: Place, at_s: float) -> int | None:
    return int(np.argmin(np.abs(place.times_s - at_s))) if len(place.times_s) else None


def _difference(place: Place, frame: int) -> NDArray[np.int16]:
    return place.grids[frame].astype(np.int16) - place.grid


def _jump(apart: Times) -> int | None:
    """Where the copy begins to look like the place; None where it does not do so at once."""
    falls = np.where(np.isfinite(apart[:-1]) & np.isfinite(apart[1:]), apart[:-1] - apart[1:], 0.0)
    at = int(np.argmax(falls))
    return at + 1 if falls[at] >= LEAST_JUMP else None


def _agree(apart: Times, best: int) -> bool:
    against = np.count_nonzero(apart[:, best] - apart.min(axis=1) >= CLEARLY)
    return bool(against <= MOST_AGAINST * len(apart))


def _is_same(places: Sequence[Place], offset_s: float) -> bool:
    differences = []
    for place in places:
        frame = _frame_at(place, place.time_s + offset_s)
        if frame is None:
            return False
        difference = _difference(place, frame)
        if np.abs(difference).mean() > MOST_APART or np.abs(difference).max() > MOST_IN_A_CELL:
            return False
        differences.append(difference)
    return bool(np.abs(np.median(differences, axis=0)).max() <= MOST_LASTING)
