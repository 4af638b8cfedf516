"""Where a logo stands: in a corner of the area that players leave free, off faces and captions where that can be.

A corner is held through a shot, so that it does not wander: the asked one, unless another covers less there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from clipmill.clips.v1.clips_pb2 import Logo
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.layout import even
from clipmill_render.domain.lettering import Lettering
from clipmill_render.domain.placing import GLIMPSE_S, ShownFace

USUAL_WIDTH = 0.16
# Over more of a face than this share of the logo it is worth a word, and over less another corner is not.
COVERED, SLIGHT = 0.25, 0.02
# A word that cannot be read is worse than a chin that is not seen.
CAPTIONS_WEIGH = 4.0
_TOP = (Logo.CORNER_TOP_LEFT, Logo.CORNER_TOP_RIGHT)
_LEFT = (Logo.CORNER_TOP_LEFT, Logo.CORNER_BOTTOM_LEFT)
Corner: TypeAlias = Logo.Corner.ValueType


@dataclass(frozen=True)
class Taken:
    """Where a caption stands, in pixels of the clip and seconds of it."""

    start_s: float
    end_s: float
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Stand:
    """A logo's place through a shot, in pixels from the clip's upper left; `over_face` where it covers one."""

    shot: Shot
    corner: Corner
    left: int
    top: int
    over_face: bool


@dataclass(frozen=True)
class Places:
    """What a logo is to keep off; `shots` cover the clip."""

    shots: Sequence[Shot]
    faces: Sequence[ShownFace]
    captions: Sequence[Taken]
    lettering: Lettering


def size_of(width: int, height: int, side: float) -> tuple[int, int]:
    """A picture of `width` x `height` in a square of `side` pixels: even pixels."""
    return even(width * side / max(width, height)), even(height * side / max(width, height))


def stands(asked: Corner, size: tuple[int, int], places: Places) -> list[Stand]:
    """Where a logo of `size` stands in each shot; TOP_RIGHT where no corner is asked for."""
    asked = asked or Logo.CORNER_TOP_RIGHT
    # Beside or above the asked corner before across from it.
    corners = sorted(
        (corner for corner in Logo.Corner.values() if corner),
        key=lambda corner: ((corner in _TOP) != (asked in _TOP)) + ((corner in _LEFT) != (asked in _LEFT)),
    )
    found = []
    for shot in places.shots:
        seen = [face for face in places.faces if shot.start_s <= face.time_s < shot.end_s]
        # A caption that is still there for a moment after a cut is in nobody's way.
        read = [
            caption
            for caption in places.captions
            if min(caption.end_s, shot.end_s) - max(caption.start_s, shot.start_s) >= GLIMPSE_S
        ]
        costs = {}
        for corner in corners:
            left, top = _corner(corner, size, places.lettering)
            over_faces = _share_of_time(seen, left, top, size)
            over_captions = max((_share(caption, left, top, size) for caption in read), default=0.0)
            costs[corner] = (over_faces + CAPTIONS_WEIGH * over_captions, over_faces, left, top)
        # The first of the corners that are as good as the best.
        least = min(cost for cost, *_ in costs.values())
        chosen = next(corner for corner in corners if costs[corner][0] <= least + SLIGHT)
        _, over_faces, left, top = costs[chosen]
        found.append(Stand(shot, chosen, left, top, over_faces > COVERED))
    return found


def longest(found: Sequence[Stand]) -> Corner:
    """The corner in which the logo stands for most of the clip."""
    lengths: dict[Corner, float] = {}
    for stand in found:
        lengths[stand.corner] = lengths.get(stand.corner, 0.0) + stand.shot.end_s - stand.shot.start_s
    return max(lengths, key=lambda corner: lengths[corner])


def _corner(corner: Corner, size: tuple[int, int], lettering: Lettering) -> tuple[int, int]:
    """Upper left pixel, even: chroma is stored for squares of two by two."""
    left = lettering.side_margin if corner in _LEFT else lettering.width - lettering.side_margin - size[0]
    top = lettering.top_margin if corner in _TOP else lettering.height - lettering.bottom_margin - size[1]
    return max(0, left) // 2 * 2, max(0, top) // 2 * 2


def _share(box: ShownFace | Taken, left: int, top: int, size: tuple[int, int]) -> float:
    """Of the logo's area, what lies over the box."""
    across = min(box.x1, left + size[0]) - max(box.x0, left)
    down = min(box.y1, top + size[1]) - max(box.y0, top)
    return max(across, 0.0) * max(down, 0.0) / (size[0] * size[1])


def _share_of_time(faces: Sequence[ShownFace], left: int, top: int, size: tuple[int, int]) -> float:
    """The most that a face takes of the logo's area, on average over the times at which faces were looked for."""
    most: dict[float, float] = {}
    for face in faces:
        most[face.time_s] = max(most.get(face.time_s, 0.0), _share(face, left, top, size))
    return sum(most.values()) / len(most) if most else 0.0
