"""Who is seen through a shot, and for how long each of them speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clipmill_render.domain.faces import LONGEST_SAMPLE_S, SAME_PLACE_WIDTHS, Face, Shot, Track
from clipmill_render.domain.speakers import Turn

# Seen for less of the shot than this, somebody passes by.
LEAST_PRESENCE = 0.6


@dataclass(frozen=True)
class Person:
    """A face through a shot: its samples in order, the medians of its box, and the seconds that it speaks."""

    faces: tuple[Face, ...]
    x: float
    y: float
    width: float
    height: float
    speaks_s: float


def people_in(tracks: Sequence[Track], shot: Shot, turns: Sequence[Turn]) -> list[Person]:
    """Who is seen through most of `shot`, from left to right. A face lost and found at its place is one person."""
    groups: list[tuple[list[Face], set[int]]] = []
    inside = {
        number: [f for f in track if shot.start_s <= f.time_s < shot.end_s] for number, track in enumerate(tracks)
    }
    for number, faces in sorted(inside.items(), key=lambda item: item[1][0].time_s if item[1] else 0.0):
        if not faces:
            continue
        before = next((group for group in groups if _goes_on(group[0][-1], faces[0])), None)
        if before:
            before[0].extend(faces)
            before[1].add(number)
        else:
            groups.append((list(faces), {number}))
    length_s = shot.end_s - shot.start_s
    people = [
        _person(faces, sum(_common_s(turn, shot) for turn in turns if turn.track in numbers))
        for faces, numbers in groups
        if _seen_s(faces, length_s) >= LEAST_PRESENCE * length_s
    ]
    return sorted(people, key=lambda person: person.x)


def _goes_on(last: Face, first: Face) -> bool:
    near = SAME_PLACE_WIDTHS * max(last.x1 - last.x0, first.x1 - first.x0)
    return first.time_s > last.time_s and abs(first.centre_x - last.centre_x) <= near


def _common_s(turn: Turn, shot: Shot) -> float:
    return max(0.0, min(turn.end_s, shot.end_s) - max(turn.start_s, shot.start_s))


def _seen_s(faces: Sequence[Face], most_s: float) -> float:
    steps = [min(b.time_s - a.time_s, LONGEST_SAMPLE_S) for a, b in pairwise(faces)]
    return min(most_s, sum(steps) + (float(np.median(steps)) if steps else LONGEST_SAMPLE_S))


def _person(faces: Sequence[Face], speaks_s: float) -> Person:
    boxes = np.median([(f.centre_x, f.centre_y, f.x1 - f.x0, f.y1 - f.y0) for f in faces], axis=0)
    x, y, width, height = (float(value) for value in boxes)
    return Person(tuple(faces), x, y, width, height, speaks_s)
