"""Where the faces of the picture are in the clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from clipmill_render.domain.crop import Floats, Glide
from clipmill_render.domain.faces import Face, Track, followed
from clipmill_render.domain.layout import Layout
from clipmill_render.domain.placing import ShownFace
from clipmill_render.domain.scenes import Scene
from clipmill_render.domain.speakers import Turn

# A face's middle keeps this share of its window's size off the window's edges.
SAFE_MARGIN = 0.05


def faces_shown(layout: Layout, scenes: Sequence[Scene], tracks: Sequence[Track]) -> list[ShownFace]:
    """Every sample of every face that is in one of its scene's windows, in pixels of the clip."""
    return [face for scene in scenes for face in _in_scene(layout, scene, tracks)]


def share_in_frame(
    layout: Layout, scenes: Sequence[Scene], tracks: Sequence[Track], turns: Sequence[Turn]
) -> float | None:
    """Of the samples of faces that are to be seen, the share whose middle is inside a window, its margin off.

    Who speaks is to be seen, by `turns`; in a scene of one window without turns whoever is followed. None without any.
    """
    wanted = [f for turn in turns for f in tracks[turn.track] if turn.start_s <= f.time_s < turn.end_s]
    for scene in scenes:
        if not any(scene.shot.start_s <= turn.start_s < scene.shot.end_s for turn in turns):
            wanted += [face for glide in scene.glides for face in followed(tracks, glide.shot)]
    if not wanted:
        return None
    return sum(is_in_frame(layout, scenes, face) for face in wanted) / len(wanted)


def is_in_frame(layout: Layout, scenes: Sequence[Scene], face: Face) -> bool:
    """True when the face's middle is inside one of the windows at its time, SAFE_MARGIN off its edges."""
    scene = next((scene for scene in scenes if face.time_s < scene.shot.end_s), scenes[-1])
    at = np.array([face.centre_x, face.centre_y])
    return any(
        bool((np.abs(at - centre[0]) <= (0.5 - SAFE_MARGIN) * np.minimum(share[0], 1.0)).all())
        for *_, share, centre in _windows(layout, scene, np.array([face.time_s]))
    )


def _in_scene(layout: Layout, scene: Scene, tracks: Sequence[Track]) -> Iterator[ShownFace]:
    faces = [f for track in tracks for f in track if scene.shot.start_s <= f.time_s < scene.shot.end_s]
    if not faces:
        return
    times = np.array([face.time_s for face in faces])
    boxes = np.array([(face.x0, face.y0, face.x1, face.y1) for face in faces])
    for left, top, width, height, share, centre in _windows(layout, scene, times):
        corner = centre - share / 2
        scaled = (boxes - np.hstack([corner, corner])) / np.hstack([share, share])
        kept = (scaled[:, 2] > 0) & (scaled[:, 0] < 1) & (scaled[:, 3] > 0) & (scaled[:, 1] < 1)
        for time_s, box in zip(times[kept], np.clip(scaled[kept], 0, 1), strict=True):
            x0, y0, x1, y1 = (float(value) for value in box)
            yield ShownFace(float(time_s), left + x0 * width, top + y0 * height, left + x1 * width, top + y1 * height)


def _windows(
    layout: Layout, scene: Scene, times: Floats
) -> Iterator[tuple[float, float, float, float, Floats, Floats]]:
    """Each window's place in the clip (left, top, width, height), its size (1 x 2) and its middle (times x 2), as
    fractions of the picture.
    """
    if scene.glides:
        along = _at(scene.glides, times)
        half = np.full(len(times), 0.5)
        middle = np.column_stack([along, half] if layout.horizontal else [half, along])
        share = np.array([[layout.window_width, layout.window_height]])
        yield 0, 0, layout.width, layout.height, share, middle
    for cell in scene.cells:
        middle = np.column_stack([_at((cell.across,), times), _at((cell.down,), times)])
        yield cell.left, cell.top, cell.width, cell.height, np.array([[cell.window_width, cell.window_height]]), middle


def _at(glides: Sequence[Glide], times: Floats) -> Floats:
    """The window's middle at `times` of the scene, which its glides cover."""
    middles = np.empty(len(times))
    for number, time_s in enumerate(times):
        glide = next((g for g in glides if time_s < g.shot.end_s), glides[-1])
        middles[number] = glide.at(np.clip(np.array([time_s]), glide.shot.start_s, glide.shot.end_s))[0]
    return middles
