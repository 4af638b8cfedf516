"""Faces as boxes, and as tracks: one face through one shot."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import hypot

import numpy as np
from numpy.typing import NDArray

# A face that was not seen for so long is another one when it is seen again: three searches of the fast profile.
MAX_GAP_S = 1.75
# Overlap or nearness (of the centres, in box sizes) that links two boxes, and how much the size may change.
MIN_IOU = 0.2
MAX_DISTANCE = 1.5
MAX_GROWTH = 2.0


@dataclass(frozen=True)
class Box:
    """Fractions of the picture's width and height: x0 < x1, y0 < y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def area(self) -> float:
        return max(self.x1 - self.x0, 0.0) * max(self.y1 - self.y0, 0.0)


@dataclass(frozen=True)
class Eyes:
    """The middles of both eyes, the one on the picture's left first (of an upright face): fractions of the picture."""

    left_x: float
    left_y: float
    right_x: float
    right_y: float


@dataclass(frozen=True)
class Found:
    """What a detector says of one face; `confidence` from 0 to 1."""

    box: Box
    confidence: float
    eyes: Eyes
    # Turned to the camera; None where nobody says.
    facing: bool | None = None


@dataclass(frozen=True)
class Mouth:
    """How far a mouth is open, as `mouth.opening` says."""

    time_s: float
    opening: float


@dataclass(frozen=True)
class Face:
    """A face in one frame; `confidence` from 0 to 1. `mouths` are added until faces are searched again.

    `looks` is what tells its person from others, see `people`; None where nobody looked.
    """

    time_s: float
    box: Box
    confidence: float
    mouths: list[Mouth] = field(default_factory=list)
    looks: NDArray[np.float32] | None = field(default=None, compare=False)
    facing: bool | None = None


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a.area + b.area - common)


def tracks_of(faces: Sequence[Face], shot_starts: Sequence[float]) -> list[list[Face]]:
    """Link faces to tracks. Each face is in exactly one track; a track stays in its shot, its faces in order of time.

    Greedy over the pairs of a frame, the likest first. With few faces that is as good as the Hungarian method, which
    would need scipy; `shot_starts` in order.
    """
    done: list[list[Face]] = []
    live: list[list[Face]] = []
    shot = -1
    for time_s in sorted({face.time_s for face in faces}):
        here = bisect_right(shot_starts, time_s)
        kept = [t for t in live if here == shot and time_s - t[-1].time_s <= MAX_GAP_S]
        done += [t for t in live if not any(t is k for k in kept)]
        live, shot = kept, here
        _extend(live, [face for face in faces if face.time_s == time_s])
    return sorted(done + live, key=lambda track: (track[0].time_s, track[0].box.x0))


def _extend(live: list[list[Face]], faces: Sequence[Face]) -> None:
    pairs = sorted(
        ((likeness(track[-1].box, face.box), t, f) for t, track in enumerate(live) for f, face in enumerate(faces)),
        key=lambda pair: -pair[0],
    )
    used_tracks: set[int] = set()
    used_faces: set[int] = set()
    for value, t, f in pairs:
        if value > 0 and t not in used_tracks and f not in used_faces:
            used_tracks.add(t)
            used_faces.add(f)
            live[t].append(faces[f])
    live += [[face] for f, face in enumerate(faces) if f not in used_faces]


def likeness(a: Box, b: Box) -> float:
    """How well two boxes of neighbouring frames may be the same face: overlap first, then nearness; 0 for not."""
    overlap = iou(a, b)
    if overlap >= MIN_IOU:
        return 1 + overlap
    width = (a.x1 - a.x0 + b.x1 - b.x0) / 2
    height = (a.y1 - a.y0 + b.y1 - b.y0) / 2
    if width <= 0 or height <= 0 or max(a.area, b.area) > MAX_GROWTH**2 * min(a.area, b.area):
        return 0.0
    dx = (a.x0 + a.x1 - b.x0 - b.x1) / 2 / width
    dy = (a.y0 + a.y1 - b.y0 - b.y1) / 2 / height
    return max(1 - hypot(dx, dy) / MAX_DISTANCE, 0.0)
