"""Who is the same person in all parts of a video."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from math import dist

from clipmill.vision.v1.vision_pb2 import VisionAnalysis

# Two people's looks are farther apart (VisionAnalysis.people).
SAME_PERSON = 0.5


def people_of(parts: Iterable[VisionAnalysis]) -> list[dict[int, int]]:
    """For each part, in order, from its persons' numbers to those of the whole video, from 1 as they first appear.

    The nearest looks are matched first; two persons of one part stay two.
    """
    known: list[tuple[float, ...]] = []
    found: list[dict[int, int]] = []
    for part in parts:
        looks = {person.person: struct.unpack(f"<{len(person.looks) // 4}f", person.looks) for person in part.people}
        pairs = sorted((dist(mine, old), number, at) for number, mine in looks.items() for at, old in enumerate(known))
        here: dict[int, int] = {}
        for apart, number, at in pairs:
            if apart < SAME_PERSON and number not in here and at + 1 not in here.values():
                here[number] = at + 1
        for number, mine in looks.items():
            if number not in here:
                known.append(mine)
                here[number] = len(known)
        found.append(here)
    return found
