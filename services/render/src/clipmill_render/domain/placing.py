"""Where a caption stands: in the area that players leave free, and not over a face.

A place is held through a shot, so that captions do not jump: each shot's captions together take the place nearest to
the look's own where they cover least of the faces that are seen meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clipmill.clips.v1.clips_pb2 import CaptionLook
from clipmill_render.domain.captions import Caption
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.lettering import Lettering

# Faces are looked for a few times a second: a sample this near to a caption is seen with it.
NEAR_S = 0.5
# Of a face's height: the box ends at the chin, and a line should not touch it.
AIR = 0.08
# A caption that is still there for a moment after a cut is in nobody's way there.
GLIMPSE_S = 0.3
# More in common with a face than this is worth a word: less is a chin or a brow.
COVERED = 0.25


@dataclass(frozen=True)
class ShownFace:
    """A face at a time of the clip, in pixels of the clip."""

    time_s: float
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Block:
    """A caption as a rectangle: `width` across the middle, `height` from its lower edge upwards."""

    caption: Caption
    width: float
    height: float


@dataclass(frozen=True)
class Placed:
    """The pixels under each block, in order, and those of them that still cover a face."""

    margins: tuple[int, ...]
    over_face: tuple[Caption, ...]


def placed(blocks: Sequence[Block], faces: Sequence[ShownFace], shots: Sequence[Shot], lettering: Lettering) -> Placed:
    """A place for each of `blocks`; `shots` cover the clip."""
    margins: dict[int, int] = {}
    over_face = []
    highest = max((block.height for block in blocks), default=0.0)
    for shot in shots:
        last = shot is shots[-1]
        numbers = [
            number
            for number, block in enumerate(blocks)
            if shot.start_s <= block.caption.start_cs / 100 and (last or block.caption.start_cs / 100 < shot.end_s)
        ]
        seen = [(blocks[number], _seen_with(blocks[number].caption, faces, shots)) for number in numbers]
        margin = min(
            _margins(lettering, highest),
            key=lambda margin: round(sum(_covered(b, margin, fs, lettering) for b, fs in seen), 3),
        )
        for number, (block, with_it) in zip(numbers, seen, strict=True):
            margins[number] = margin
            if with_it and _covered(block, margin, with_it, lettering) > COVERED:
                over_face.append(block.caption)
    return Placed(tuple(margins[number] for number in range(len(blocks))), tuple(over_face))


def _margins(lettering: Lettering, highest: float) -> list[int]:
    """Pixels under a caption, the look's own place first, then the nearest."""
    bottom = lettering.bottom_margin
    top = max(bottom, round(lettering.height - lettering.top_margin - highest))
    wanted = {
        CaptionLook.PLACE_MIDDLE: min(max(bottom, round((lettering.height - highest) / 2)), top),
        CaptionLook.PLACE_TOP: top,
    }.get(lettering.look.place, bottom)
    step = max(1, lettering.em // 2)
    return sorted({wanted, top, *range(bottom, top + 1, step)}, key=lambda margin: abs(margin - wanted))


def _seen_with(caption: Caption, faces: Sequence[ShownFace], shots: Sequence[Shot]) -> list[ShownFace]:
    """The faces that are seen while the caption is, none of a shot in which it is not."""
    start_s, end_s = caption.start_cs / 100, caption.end_cs / 100
    inside = [shot for shot in shots if min(end_s, shot.end_s) - max(start_s, shot.start_s) >= GLIMPSE_S]
    inside = inside or [max(shots, key=lambda shot: min(end_s, shot.end_s) - max(start_s, shot.start_s))]
    first_s, last_s = max(start_s - NEAR_S, inside[0].start_s), min(end_s + NEAR_S, inside[-1].end_s)
    return [face for face in faces if first_s <= face.time_s < last_s]


def _covered(block: Block, margin: int, faces: Sequence[ShownFace], lettering: Lettering) -> float:
    """The largest share that the block and a face have in common at that place, of the smaller one."""
    low = lettering.height - margin + lettering.padding
    high = lettering.height - margin - block.height
    left, right = (lettering.width - block.width) / 2, (lettering.width + block.width) / 2
    shares = [0.0]
    for face in faces:
        air = AIR * (face.y1 - face.y0)
        across = min(right, face.x1) - max(left, face.x0)
        down = min(low, face.y1 + air) - max(high, face.y0 - air)
        if across > 0 and down > 0:
            areas = ((face.x1 - face.x0) * (face.y1 - face.y0), block.width * block.height)
            shares.append(across * down / max(min(areas), 1.0))
    return max(shares)
