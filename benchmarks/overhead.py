"""What Clipmill adds: the wall time of `clipmill run` over that of the bare script, side by side. At most 1.15.

Both on a 10-minute video, with the same clips, turn by turn, so that a noisy machine is noisy for both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.command import Measured, run_clipmill
from benchmarks.long_video import long_video

MINUTES = 10
ROUNDS = 2


def main() -> None:
    video = long_video(MINUTES)
    pairs: list[tuple[float, float]] = []
    bare: dict[str, object] = {}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            measured = run_clipmill(video, folder / "data", folder / "clips")
            clips = folder / "clips" / "clips.json"
            command = [sys.executable, "-m", "benchmarks.bare", str(video), str(clips), str(folder)]
            # Its wall time with the interpreter's start, as for the other.
            began = time.perf_counter()
            bare = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            pairs.append((measured.wall_s, time.perf_counter() - began))
            stages = _seconds_by_stage(measured)
    minutes = MINUTES
    print(
        json.dumps(
            {
                "video_minutes": minutes,
                "ratio": round(statistics.median(ours / theirs for ours, theirs in pairs), 3),
                "goal": 1.15,
                "clipmill_s": [round(ours, 1) for ours, _ in pairs],
                "bare_s": [round(theirs, 1) for _, theirs in pairs],
                "seconds_per_video_minute": {stage: round(s / minutes, 2) for stage, s in stages.items()},
                "bare_steps": bare,
            }
        )
    )


def _seconds_by_stage(measured: Measured) -> dict[str, float]:
    """From each stage's first progress to its end."""
    spans: dict[str, tuple[float, float]] = {}
    for at, event in measured.events:
        for stage in event.get("stages", []):  # type: ignore[attr-defined]
            if stage["progress"] > 0 or stage["parts_done"] > 0:
                begin, end = spans.get(stage["stage"], (at, at))
                spans[stage["stage"]] = (begin, at if stage["progress"] < 1 or end == begin else end)
    return {stage: end - begin for stage, (begin, end) in spans.items()}


if __name__ == "__main__":
    main()
