"""The same video a second time: the wall time of a first `clipmill run` over that of the next. At least 20.

The second is a process of its own that finds all it needs kept; its import hashes the file again.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from benchmarks.command import run_clipmill
from benchmarks.long_video import long_video

MINUTES = 10
AGAIN = 3
GOAL = 20


def main() -> None:
    video = long_video(MINUTES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = run_clipmill(video, folder / "data", folder / "first")
        again = [run_clipmill(video, folder / "data", folder / f"again-{n}") for n in range(AGAIN)]
        same = {_clips(folder / name) for name in ("first", *(f"again-{n}" for n in range(AGAIN)))}
    again_s = statistics.median(run.wall_s for run in again)
    ratio = first.wall_s / again_s
    print(
        json.dumps(
            {
                "video_minutes": MINUTES,
                "first_s": round(first.wall_s, 1),
                "again_s": round(again_s, 2),
                "ratio": round(ratio, 1),
                "goal": GOAL,
                "same_clips": len(same) == 1,
                "reached": ratio >= GOAL and len(same) == 1,
            }
        )
    )


def _clips(folder: Path) -> str:
    """Its clips without what differs from job to job."""
    clips = json.loads((folder / "clips.json").read_text())["clips"]
    return json.dumps([[clip["start_s"], clip["end_s"], clip["score"]] for clip in clips])


if __name__ == "__main__":
    main()
