"""From the picture at a steady rate to the clip's frame: windows, sizes, several of them in one frame, shot by shot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill.clips.v1.clips_pb2 import LAYOUT_FILL
from clipmill_render.domain.cells import Cell
from clipmill_render.domain.crop import CropPath, Glide
from clipmill_render.domain.expression import expression_of, pieces_of
from clipmill_render.domain.layout import Layout
from clipmill_render.domain.scenes import Scene

# A path is drawn with straight pieces; this far from it, in source pixels, nobody sees the difference.
TOLERANCE_PX = 0.25
# The backdrop is blurred at this share of the clip's size: that is cheap, and enlarging it blurs it further.
BACKDROP_SHARE = 1 / 16
BACKDROP_BRIGHTNESS = -0.12

STEADY, FRAMED = "steady", "framed"

Floats = NDArray[np.float64]


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

    def frame_at(self, time_s: float) -> int:
        return min(round(time_s * self.fps), self.count)


@dataclass(frozen=True)
class Canvas:
    """What is drawn on, from what, in which frames; `colours` are filters to the clip's colours, run on its pixels."""

    layout: Layout
    coded: Coded
    timing: Timing
    colours: Sequence[str] = ()


@dataclass(frozen=True)
class Segment:
    """Frames from `first` up to `end` that are made in one way: a window's path, or cells."""

    first: int
    end: int
    glides: tuple[Glide, ...]
    cells: tuple[Cell, ...]


def segments_of(scenes: Sequence[Scene], timing: Timing) -> list[Segment]:
    """The scenes in frames; neighbours that are made in the same way are one segment."""
    segments: list[Segment] = []
    for scene in scenes:
        first, end = timing.frame_at(scene.shot.start_s), timing.frame_at(scene.shot.end_s)
        if scene is scenes[-1]:
            end = timing.count
        if first == end:
            continue
        if segments and scene.layout == LAYOUT_FILL and segments[-1].glides:
            before = segments.pop()
            segments.append(Segment(before.first, end, (*before.glides, *scene.glides), ()))
        elif segments and _alike(segments[-1].cells, scene.cells):
            segments.append(Segment(segments.pop().first, end, (), scene.cells))
        else:
            segments.append(Segment(first, end, scene.glides, scene.cells))
    return segments


def _alike(before: Sequence[Cell], cells: Sequence[Cell]) -> bool:
    """True when both show the whole picture, in the same place: where its windows stand does not matter."""
    return len(before) == len(cells) == 1 and before[0].is_whole and cells[0].is_whole


def framing(canvas: Canvas, scenes: Sequence[Scene]) -> str:
    """A filter graph from [steady] to [framed]: frames of the clip's size, square and even."""
    segments = segments_of(scenes, canvas.timing)
    if len(segments) == 1:
        return ";\n".join(_segment(canvas, segments[0], STEADY, FRAMED))
    names = [f"s{number}" for number in range(len(segments))]
    # Each branch drops the frames of the others at once; none is kept waiting.
    parts = [f"[{STEADY}]split={len(names)}" + "".join(f"[{name}]" for name in names)]
    for name, segment in zip(names, segments, strict=True):
        trimmed = f"trim=start_frame={segment.first}:end_frame={segment.end},setpts=PTS-STARTPTS"
        parts.append(f"[{name}]{trimmed}[{name}i]")
        parts += _segment(canvas, segment, f"{name}i", f"{name}o")
    joined = "".join(f"[{name}o]" for name in names)
    return ";\n".join([*parts, f"{joined}concat=n={len(names)}[{FRAMED}]"])


def _segment(canvas: Canvas, segment: Segment, source: str, made: str) -> Iterator[str]:
    """Chains from [source], whose time begins with the segment, to [made]; their labels begin with `source`."""
    if segment.glides:
        yield f"[{source}]{','.join([*_filled(canvas, segment), *canvas.colours])}[{made}]"
        return
    layout, numbers = canvas.layout, range(len(segment.cells))
    tiled = sum(cell.width * cell.height for cell in segment.cells) == layout.width * layout.height
    views = [f"{source}{number}" for number in numbers]
    inputs = [*views, *([] if tiled else [f"{source}below"])]
    yield f"[{source}]split={len(inputs)}" + "".join(f"[{view}]" for view in inputs)
    for view, cell in zip(views, segment.cells, strict=True):
        yield f"[{view}]{','.join([*_cell(canvas, cell, segment), *canvas.colours])},format=yuv420p[{view}v]"
    if tiled:
        places = "|".join(f"{cell.left}_{cell.top}" for cell in segment.cells)
        shown = "".join(f"[{view}v]" for view in views)
        yield f"{shown}xstack=inputs={len(views)}:layout={places},setsar=1[{made}]"
        return
    yield f"[{source}below]{','.join(_backdrop(canvas))}[{source}on0]"
    for number, view, cell in zip(numbers, views, segment.cells, strict=True):
        above = made if number == numbers[-1] else f"{source}on{number + 1}"
        yield f"[{source}on{number}][{view}v]overlay=x={cell.left}:y={cell.top}:eof_action=endall,setsar=1[{above}]"


def _filled(canvas: Canvas, segment: Segment) -> list[str]:
    layout = canvas.layout
    if layout.is_whole:
        return [_scale(layout.width, layout.height), "setsar=1"]
    path, whole = CropPath(segment.glides), CropPath((Glide(segment.glides[0].shot, (0.5,), True),))
    across, down = (path, whole) if layout.horizontal else (whole, path)
    return _window(
        _axis(canvas, segment, across, layout.window_width, layout.width, horizontal=True),
        _axis(canvas, segment, down, layout.window_height, layout.height, horizontal=False),
    )


def _cell(canvas: Canvas, cell: Cell, segment: Segment) -> list[str]:
    if cell.is_whole:
        return [_scale(cell.width, cell.height), "setsar=1"]
    return _window(
        _axis(canvas, segment, CropPath((cell.across,)), cell.window_width, cell.width, horizontal=True),
        _axis(canvas, segment, CropPath((cell.down,)), cell.window_height, cell.height, horizontal=False),
    )


def _backdrop(canvas: Canvas) -> list[str]:
    """The picture's middle over all of the frame, out of focus and a little darker."""
    layout, coded = canvas.layout, canvas.coded
    across, down = (
        2 * max(1, int(size * share / 2))
        for size, share in ((coded.width, layout.window_width), (coded.height, layout.window_height))
    )
    small = [2 * max(4, round(size * BACKDROP_SHARE / 2)) for size in (layout.width, layout.height)]
    return [
        f"crop=w={across}:h={down}",
        f"scale={small[0]}:{small[1]}:flags=area:out_range=tv",
        *canvas.colours,
        "format=yuv420p",
        f"gblur=sigma=4,eq=brightness={BACKDROP_BRIGHTNESS}",
        f"scale={layout.width}:{layout.height}:flags=bicubic",
        "setsar=1",
    ]


@dataclass(frozen=True)
class _Axis:
    """A window along one axis: `kept` pixels of the source from `at` on, written as `scaled`, of which `written` from
    `fine` on are shown. `at` and `fine` are expressions; `fine` is None where the window moves by whole pixels.
    """

    kept: int
    at: str
    scaled: int
    written: int
    fine: str | None


def _axis(canvas: Canvas, segment: Segment, path: CropPath, share: float, written: int, *, horizontal: bool) -> _Axis:
    """The window of `share` of the picture along one axis, through the segment's frames, in `written` pixels."""
    fps, size = canvas.timing.fps, canvas.coded.width if horizontal else canvas.coded.height
    middles = path.frames(canvas.timing.count, fps)[segment.first : segment.end]
    kept = min(max(2, 2 * round(size * share / 2)), size // 2 * 2)
    edges = np.clip(middles * size - kept / 2, 0, size - kept)
    if not _glides(edges) or kept + 2 > size:
        return _Axis(kept, expression_of(pieces_of(2 * np.round(edges / 2), 0.0), fps), written, written, None)
    # A window that moves in the source's pixels stutters, by two of them (chroma), enlarged. So it is cut out with
    # a margin, scaled, and cut again in the output's pixels.
    position = expression_of(pieces_of(edges, TOLERANCE_PX), fps)
    coarse = f"min(2*floor(({position})/2),{size - kept - 2})"
    scaled = 2 * round(written * (kept + 2) / kept / 2)
    return _Axis(kept + 2, coarse, scaled, written, f"(({position})-{coarse})*{scaled / (kept + 2):.6f}")


def _glides(edges: Floats) -> bool:
    """False when the window only jumps: it stands from one jump to the next."""
    steps = np.abs(np.diff(edges))
    return bool(((steps[1:] > 0) & (steps[:-1] > 0)).any())


def _window(across: _Axis, down: _Axis) -> list[str]:
    filters = [
        f"crop=w={across.kept}:h={down.kept}:x='{across.at}':y='{down.at}'",
        _scale(across.scaled, down.scaled),
    ]
    if across.fine or down.fine:
        filters.append(f"crop=w={across.written}:h={down.written}:x='{across.fine or 0}':y='{down.fine or 0}'")
    return [*filters, "setsar=1"]


def _scale(width: int, height: int) -> str:
    return f"scale={width}:{height}:flags=bicubic:out_range=tv"
