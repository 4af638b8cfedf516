"""Whole paths, as a reader can check them: where each window stands every half second. Golden: `crop_paths.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from clipmill_render.domain.clock import Seen
from clipmill_render.domain.faces import Face, Shot
from clipmill_render.domain.layout import layout_for
from clipmill_render.domain.scenes import scenes_of
from clipmill_render.domain.speakers import Turn

from clipmill.clips.v1 import clips_pb2 as clips
from clipmill.common.v1.common_pb2 import PROFILE_FAST

GOLDEN = Path(__file__).with_name("crop_paths.txt")
VERTICAL = layout_for(clips.ASPECT_9_16, PROFILE_FAST, 1280, 720)
STEP_S = 0.5


def track(xs: np.ndarray, start_s: float = 0.0) -> list[Face]:
    """A face at `xs`, five times a second."""
    return [Face(start_s + n / 5, float(x) - 0.04, 0.3, float(x) + 0.04, 0.45, 0.9) for n, x in enumerate(xs)]


def stories() -> Iterator[tuple[str, Seen, list[Turn]]]:
    still, shot = np.full(40, 0.7), [Shot(0, 8)]
    yield "A face that stands", Seen(shot, [track(still)], []), []
    walk = np.concatenate([np.full(10, 0.3), np.linspace(0.3, 0.7, 20), np.full(10, 0.7)])
    yield "A face that walks and stops", Seen(shot, [track(walk)], []), []
    nods = 0.5 + 0.02 * np.sin(np.arange(40))
    yield "A face that nods", Seen(shot, [track(nods)], []), []
    cut = [Shot(0, 3.4), Shot(3.4, 8)]
    yield "A cut between two faces", Seen(cut, [track(still[:17]), track(1 - still[:23], 3.4)], []), []
    two = [track(np.full(40, 0.2)), track(np.full(40, 0.8))]
    turns = [Turn(0, 3, 0, 0.9), Turn(3, 5.5, 1, 0.9), Turn(5.5, 8, 0, 0.9)]
    yield "Two who talk in turns", Seen(shot, two, []), turns
    yield "Nobody", Seen(shot, [], []), []


def written() -> str:
    """Each story's scenes, and of each window its middle, as hundredths of the picture's width."""
    lines = []
    for title, seen, turns in stories():
        for asked in (clips.LAYOUT_FILL, clips.LAYOUT_AUTO):
            lines.append(f"{title} ({clips.Layout.Name(asked).removeprefix('LAYOUT_').lower()})")
            for scene in scenes_of(VERTICAL, seen, turns, asked):
                name = clips.Layout.Name(scene.layout).removeprefix("LAYOUT_").lower()
                lines.append(f"  {scene.shot.start_s:.1f} to {scene.shot.end_s:.1f} s: {name}. {scene.reason}")
                for glide in scene.glides or [cell.across for cell in scene.cells]:
                    times = np.arange(glide.shot.start_s, glide.shot.end_s, STEP_S)
                    lines.append("    " + " ".join(f"{100 * at:.0f}" for at in glide.at(times)))
        lines.append("")
    return "\n".join(lines)


def test_paths_are_as_they_were() -> None:
    assert written() == GOLDEN.read_text(), f"if the new ones are right: python {__file__}"


if __name__ == "__main__":
    GOLDEN.write_text(written())
