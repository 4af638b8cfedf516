"""The filters of the one command that makes a clip: frame rate, crop, size, captions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipmill_render.domain.crop import CropPath
from clipmill_render.domain.expression import Piece, expression_of, pieces_of
from clipmill_render.domain.layout import Layout

# A path is drawn with straight pieces; this far from it, in source pixels, nobody sees the difference.
TOLERANCE_PX = 0.25


@dataclass(frozen=True)
class Coded:
    """The decoded picture after rotation, in its own pixels, which need not be square."""

    width: int
    height: int


@dataclass(frozen=True)
class Timing:
    """The clip in frames: `count` frames at `rate` (a fraction as ffmpeg reads it: "30000/1001")."""

    count: int
    rate: str
    fps: float

    @property
    def duration_s(self) -> float:
        return self.count / self.fps


def picture_filters(layout: Layout, path: CropPath, coded: Coded, timing: Timing) -> list[str]:
    """Filters from steady frames to the output's pixels, square and even."""
    if layout.is_whole:
        return [f"scale={layout.width}:{layout.height}:flags=bicubic:out_range=tv", "setsar=1"]
    across = coded.width if layout.horizontal else coded.height
    kept = min(max(2, 2 * round(across * layout.window / 2)), across // 2 * 2)
    edges = np.clip(path.frames(timing.count, timing.fps) * across - kept / 2, 0, across - kept)
    other = (coded.height if layout.horizontal else coded.width) // 2 * 2
    written = layout.width if layout.horizontal else layout.height
    if not path.moves or kept + 2 > across:
        where = expression_of(_pieces(2 * np.round(edges / 2), 0.0), timing.fps)
        return [_crop(layout, kept, other, where), _scale(layout, written), "setsar=1"]
    # A window that moves in the source's pixels stutters, by two of them (chroma), enlarged. So it is cut out with a
    # margin, scaled, and cut again in the output's pixels.
    position = expression_of(_pieces(edges, TOLERANCE_PX), timing.fps)
    coarse = f"min(2*floor(({position})/2),{across - kept - 2})"
    scaled = 2 * round(written * (kept + 2) / kept / 2)
    fine = f"(({position})-{coarse})*{scaled / (kept + 2):.6f}"
    return [
        _crop(layout, kept + 2, other, coarse),
        _scale(layout, scaled),
        _crop(layout, written, layout.height if layout.horizontal else layout.width, fine),
        "setsar=1",
    ]


def _pieces(edges: np.ndarray[tuple[int, ...], np.dtype[np.float64]], tolerance: float) -> list[Piece]:
    return pieces_of(edges, tolerance)


def _crop(layout: Layout, along: int, other: int, where: str) -> str:
    """A window of `along` pixels on the axis that moves and `other` on the one that does not."""
    if layout.horizontal:
        return f"crop=w={along}:h={other}:x='{where}':y=0"
    return f"crop=w={other}:h={along}:x=0:y='{where}'"


def _scale(layout: Layout, along: int) -> str:
    width, height = (along, layout.height) if layout.horizontal else (layout.width, along)
    return f"scale={width}:{height}:flags=bicubic:out_range=tv"
