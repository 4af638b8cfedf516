"""What was seen of an earlier video, if a part shows the same frames. Runs in a child process.

The earlier video itself is not needed: its analysis says what some of its frames look like. They are looked up in this
one at each of its keyframes, where encoders put cuts, and at each shot's beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame

from clipmill_vision.domain.sketch import REACH_S, SIZE, Grid, Place, Times, grid_of, in_step, offset_of
from clipmill_vision.exchange import Copy, Moved
from clipmill_vision.frames import SAME_S, frames_about, timetable
from clipmill_vision.moving import Clock, moved_analysis
from clipmill_vision.pictures import upright

# Where keyframes are farther apart, places in between are looked at.
MOST_APART_S = 10.0
# Frames follow each other as quickly: 29.97 a second are 30 here, of which `in_step` tells them.
SAME_RATE = 0.005
# A codec's delay: as much may be missing at the ends.
EDGE_S = 0.3
# The longer side, in pixels, of what a grid is made of, as where the earlier video was seen.
PICTURE_SIDE = 128
# About one place: those of 240 frames a second. With more, comparing costs too much.
MOST_FRAMES = 128


@dataclass(frozen=True)
class _Frame:
    time_s: float
    grid: Grid
    begins_shot: bool


def moved(asked: Copy) -> Moved | None:
    """None where the pictures differ, or the earlier parts do not hold all of it. INPUT_UNREADABLE."""
    if not _covers(asked):
        return None
    times, keys_s = timetable(asked.part)
    times_s = np.array(times)
    earlier = list(_within(asked))
    near_s = in_step(np.array([frame.time_s for frame in earlier]), times_s, asked.offset_s)
    if near_s is None or asked.part.end_s - times_s[-1] > EDGE_S:
        return None
    frame_s = float(times_s[-1] - times_s[0]) / (len(times_s) - 1)
    if any(abs(part.sketch.frame_s / frame_s - 1) > SAME_RATE for part in asked.earlier):
        return None
    chosen = _chosen(earlier, keys_s, asked.offset_s)
    spans_s = _spans(chosen, asked.offset_s, frame_s)
    if np.diff(np.searchsorted(times_s, spans_s)).max(initial=0) > MOST_FRAMES:
        return None
    offset_s = offset_of(list(_places(asked, chosen, spans_s)), frame_s, near_s)
    if offset_s is None:
        return None
    clock = Clock(offset_s, times_s, frame_s)
    return Moved(moved_analysis(asked.earlier, clock, asked.part.start_s, asked.part.end_s), offset_s)


def _covers(asked: Copy) -> bool:
    begin_s, end_s = asked.earlier[0].part.start_s, asked.earlier[-1].part.end_s
    begins = begin_s + asked.offset_s <= asked.part.start_s + EDGE_S
    return begins and end_s + asked.offset_s >= asked.part.end_s - EDGE_S


def _within(asked: Copy) -> Iterator[_Frame]:
    """The earlier video's frames whose neighbours all lie in the part."""
    first_s, last_s = (at_s - asked.offset_s for at_s in (asked.part.start_s, asked.part.end_s))
    for analysis in asked.earlier:
        starts = np.array([shot.range.start_s for shot in analysis.shots if not shot.begins_at_seam])
        grids = np.frombuffer(analysis.sketch.grids, np.uint8).reshape(-1, SIZE, SIZE, 3)
        for time_s, grid in zip(analysis.sketch.times_s, grids, strict=True):
            if first_s + REACH_S <= time_s < last_s - REACH_S:
                yield _Frame(time_s, grid, bool(np.any(np.abs(starts - time_s) < SAME_S)))


def _chosen(earlier: Sequence[_Frame], keys_s: Sequence[float], offset_s: float) -> list[_Frame]:
    """Those that begin shots, the first after each keyframe, and one each MOST_APART_S."""
    keys = iter([*keys_s, np.inf])
    next_key_s, last_s = next(keys), -np.inf
    chosen = []
    for frame in earlier:
        # Frames are decoded from the keyframe on, so those just after it cost least.
        passed = False
        while next_key_s <= frame.time_s + offset_s - REACH_S:
            passed, next_key_s = True, next(keys)
        if frame.begins_shot or passed or frame.time_s - last_s >= MOST_APART_S:
            chosen.append(frame)
            last_s = frame.time_s
    return chosen


def _spans(chosen: Sequence[_Frame], offset_s: float, frame_s: float) -> list[tuple[float, float]]:
    reach_s = REACH_S + frame_s / 2
    at_s = [frame.time_s + offset_s for frame in chosen]
    return [(at - reach_s, at + reach_s) for at in at_s]


def _places(asked: Copy, chosen: Sequence[_Frame], spans_s: Sequence[tuple[float, float]]) -> Iterator[Place]:
    def small(picture: VideoFrame) -> Grid:
        return grid_of(upright(picture, asked.shown, PICTURE_SIDE))

    for frame, found in zip(chosen, frames_about(asked.part, spans_s, small), strict=True):
        times_s: Times = np.array([time_s for time_s, _ in found])
        yield Place(frame.time_s, frame.grid, frame.begins_shot, times_s, [grid for _, grid in found])
