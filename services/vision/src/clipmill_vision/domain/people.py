"""Who is who: tracks of one person, over all shots.

A face's looks are 128 numbers (models/face_resnet.py); those of one person lie near each other. Which tracks are one
person's is found by joining the nearest groups of tracks, as long as their means are near enough and no two of their
tracks are in one picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, sin

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.faces import Eyes, Face

# The network's input, in pixels, and where both eyes' middles lie in it: dlib's mean face with a border of a quarter.
SIDE = 150
EYES_Y, LEFT_X, RIGHT_X = 0.3142, 0.3182, 0.6686
# Narrower faces, in pixels of the shown picture, are too coarse: on issue-195, whose faces are 62 to 92 pixels wide,
# two pictures of one person were .49 apart (median), of two people .62, with a wide overlap.
SMALLEST_FACE_PIXELS = 96
# Eyes nearer to each other, in widths of the face's box, belong to a head that looks away.
SMALLEST_EYES = 0.3
# dlib says .6. On the sample one person's faces are at most .35 apart (of 100), two people's at least .65; taking two
# people for one is worse than one for two, hence the lower limit.
SAME_PERSON = 0.5

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Seat:
    """A square in a picture of square pixels: its middle, side, and turn in radians, clockwise on the screen."""

    x: float
    y: float
    side: float
    turn: float


@dataclass(frozen=True)
class Person:
    """One person of a part: which of its tracks, their mean looks, and each track's distance from it."""

    tracks: tuple[int, ...]
    looks: Floats
    distances: tuple[float, ...]

    def confidence(self, place: int) -> float:
        """How near its track at `place` in `tracks` is to it: 1 for the same looks, 0 for another person's."""
        return max(1 - self.distances[place] / SAME_PERSON, 0.0)


def seat_of(eyes: Eyes, width: int, height: int) -> Seat:
    """The square about a face that the network wants, in pixels of a picture of `width` x `height`."""
    dx, dy = (eyes.right_x - eyes.left_x) * width, (eyes.right_y - eyes.left_y) * height
    side = hypot(dx, dy) / (RIGHT_X - LEFT_X)
    turn = atan2(dy, dx)
    # From the middle between the eyes to the square's middle, in the face's own directions.
    right, down = (0.5 - (LEFT_X + RIGHT_X) / 2) * side, (0.5 - EYES_Y) * side
    x = (eyes.left_x + eyes.right_x) / 2 * width + right * cos(turn) - down * sin(turn)
    y = (eyes.left_y + eyes.right_y) / 2 * height + right * sin(turn) + down * cos(turn)
    return Seat(x, y, side, turn)


def is_worth_a_look(face_width: float, eyes: Eyes, width: int) -> bool:
    """Large enough, and towards the camera: of others the numbers say little. Widths as shares of `width` pixels."""
    return face_width * width >= SMALLEST_FACE_PIXELS and eyes.right_x - eyes.left_x >= SMALLEST_EYES * face_width


def people_of(tracks: Sequence[Sequence[Face]]) -> list[Person]:
    """The people of a part in the order of their first tracks; a track nobody looked at closely is nobody's."""
    looks = {n: np.mean(seen, axis=0) for n, track in enumerate(tracks) if (seen := _seen(track))}
    groups = [[number] for number in looks]
    while True:
        pairs = [
            (_apart(looks, a, b), i, j)
            for i, a in enumerate(groups)
            for j, b in enumerate(groups[:i])
            if not any(_together(tracks[m], tracks[n]) for m in a for n in b)
        ]
        nearest, i, j = min(pairs, default=(SAME_PERSON, 0, 0))
        if nearest >= SAME_PERSON:
            break
        groups[j] += groups.pop(i)
    return [_person(sorted(group), looks) for group in sorted(groups, key=min)]


def _person(group: Sequence[int], looks: dict[int, Floats]) -> Person:
    mean = np.mean([looks[number] for number in group], axis=0).astype(np.float32)
    return Person(tuple(group), mean, tuple(float(np.linalg.norm(looks[n] - mean)) for n in group))


def _seen(track: Sequence[Face]) -> list[Floats]:
    return [face.looks for face in track if face.looks is not None]


def _apart(looks: dict[int, Floats], a: Sequence[int], b: Sequence[int]) -> float:
    """Between the means of two groups of tracks."""
    means = (np.mean([looks[number] for number in group], axis=0) for group in (a, b))
    return float(np.linalg.norm(next(means) - next(means)))


def _together(a: Sequence[Face], b: Sequence[Face]) -> bool:
    """True when both were seen in one picture."""
    return not {face.time_s for face in a}.isdisjoint(face.time_s for face in b)
