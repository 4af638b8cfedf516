"""The picture that stands for a clip: a sharp still, with a face where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clipmill_render.commands import STILL
from clipmill_render.domain.clock import Seen
from clipmill_render.domain.graph import Timing

STILLS = 5
# A still this near to a sample of a face shows it.
NEAR_S = 0.3
FACE_FACTOR = 3.0


def still_times(seen: Seen, duration_s: float) -> list[float]:
    """When to look, ascending and different: at faces spread over the clip, or evenly where there are none."""
    with_face = sorted({face.time_s for track in seen.tracks for face in track if face.time_s < duration_s})
    if len(with_face) >= STILLS:
        return [with_face[(2 * k + 1) * len(with_face) // (2 * STILLS)] for k in range(STILLS)]
    return sorted({*with_face, *(duration_s * (k + 0.5) / STILLS for k in range(STILLS))})


def best_still(folder: Path, frames: Sequence[int], seen: Seen, timing: Timing) -> Path:
    """The sharpest of the stills that were written for `frames`, those with a face first."""
    stills = [folder / (STILL % number) for number in range(1, len(set(frames)) + 1)]
    faces = [face.time_s for track in seen.tracks for face in track]
    scores = []
    for still, frame in zip(stills, sorted(set(frames)), strict=True):
        has_face = any(abs(time_s - frame / timing.fps) <= NEAR_S for time_s in faces)
        scores.append((_sharpness(still) * (FACE_FACTOR if has_face else 1.0), still))
    return max(scores)[1]


def _sharpness(still: Path) -> float:
    """Variance of the picture's edges, at half its size: finer ones are noise, and cost four times as much."""
    from PIL import Image, ImageFilter, ImageStat

    with Image.open(still) as picture:
        picture.draft("L", (picture.width // 2, picture.height // 2))
        return float(ImageStat.Stat(picture.convert("L").filter(ImageFilter.FIND_EDGES)).var[0])
