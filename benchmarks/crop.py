"""Is who speaks in the picture: the vertical crop of whole videos with known faces, by vision, scoring and render.

The sample's truth says whose face is where and who speaks, five times a second through 101 s. The recording of two
people has every face in one frame a second, checked by eye, and not who speaks: there all faces count, and nothing is
known of voices. On the sample the words are the truth's, and mouths alone say who speaks.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from clipmill_render.domain.clock import Seen, seen_in
from clipmill_render.domain.faces import Face
from clipmill_render.domain.layout import Layout, layout_for
from clipmill_render.domain.scenes import Scene, scenes_of
from clipmill_render.domain.shown import is_in_frame
from clipmill_render.domain.speakers import Turn, turns_in
from clipmill_vision.handlers import analysis_of, request_of
from clipmill_vision.settings import VisionSettings
from clipmill_vision.work import look

from benchmarks.vision_path import RECORDING, SAMPLE
from clipmill.clips.v1 import clips_pb2 as clips
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange
from clipmill.vision.v1.vision_pb2 import VisionTask

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from e2e.active_speaker import cast_in, parts_of

LAYOUTS = {"auto": clips.LAYOUT_AUTO, "fill": clips.LAYOUT_FILL}
FPS = 25
GOAL = 0.97


def main() -> None:
    print(json.dumps({"goal": GOAL, "sample": sample(), "recording": recording()}))


def sample() -> dict[str, object]:
    truth = json.loads(SAMPLE.with_name("sample.truth.json").read_text())
    parts = parts_of(SAMPLE, truth["duration_s"])
    clip = TimeRange(start_s=0, end_s=truth["duration_s"])
    seen = seen_in(clip, parts)
    turns = turns_in(clip, seen, cast_in(parts, truth, None))
    faces = [
        Face(entry["t_s"], box["x0"], box["y0"], box["x1"], box["y1"], 1.0)
        for entry in truth["faces"]
        for box in entry["boxes"]
        if box["speaking"]
    ]
    return figures(layout_for(clips.ASPECT_9_16, PROFILE_FAST, 1280, 720), seen, turns, faces)


def recording() -> dict[str, object] | str:
    if not RECORDING.exists():
        return "skipped: needs ../shared/media"
    whole = TimeRange(start_s=0, end_s=25)
    task = VisionTask(part=whole, profile=PROFILE_FAST, display_width=768, display_height=576)
    seen = seen_in(whole, [analysis_of(task, look(request_of(task, RECORDING, VisionSettings()), lambda _: None))])
    labels = json.loads(RECORDING.with_name("issue-195.faces.json").read_text())
    faces = [Face(entry["frame"] / FPS, *box, 1.0) for entry in labels for box in entry["faces"]]
    return figures(layout_for(clips.ASPECT_9_16, PROFILE_FAST, 768, 576), seen, [], faces)


def figures(layout: Layout, seen: Seen, turns: Sequence[Turn], faces: Sequence[Face]) -> dict[str, object]:
    """For each layout the share of `faces` inside the safe area, and what the crop did."""
    found: dict[str, object] = {"faces": len(faces)}
    for name, asked in LAYOUTS.items():
        scenes = scenes_of(layout, seen, turns, asked)
        found[name] = {
            "in_safe_area": round(sum(is_in_frame(layout, scenes, face) for face in faces) / len(faces), 4),
            "layouts": dict(Counter(clips.Layout.Name(s.layout).removeprefix("LAYOUT_").lower() for s in scenes)),
            "acceleration_window_sizes_a_s2": round(fastest(layout, scenes), 3),
        }
    return found


def fastest(layout: Layout, scenes: Sequence[Scene]) -> float:
    """The greatest acceleration of a window between two cuts, in its own sizes a second squared."""
    paths = [(glide, layout.window) for scene in scenes for glide in scene.glides]
    paths += [(cell.across, cell.window_width) for scene in scenes for cell in scene.cells]
    paths += [(cell.down, cell.window_height) for scene in scenes for cell in scene.cells]
    most = 0.0
    for glide, window in paths:
        times = np.arange(glide.shot.start_s, glide.shot.end_s, 1 / FPS)
        most = max(most, float(np.abs(np.diff(glide.at(times), 2)).max(initial=0)) * FPS**2 / window)
    return most


if __name__ == "__main__":
    main()
