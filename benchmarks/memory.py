"""Memory flat in the video's length: the peak of a 60-minute video over that of a 10-minute one. At most 1.2."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.command import run_clipmill
from benchmarks.long_video import long_video


def main() -> None:
    peaks: dict[int, int] = {}
    walls: dict[int, float] = {}
    for minutes in (10, 60):
        with tempfile.TemporaryDirectory() as folder:
            measured = run_clipmill(
                long_video(minutes), Path(folder) / "data", Path(folder) / "clips", "--clips", "5", watch_memory=True
            )
        peaks[minutes], walls[minutes] = measured.peak_bytes, measured.wall_s
    print(
        json.dumps(
            {
                "peak_mb": {minutes: round(peak / 1e6) for minutes, peak in peaks.items()},
                "wall_s": {minutes: round(wall, 1) for minutes, wall in walls.items()},
                "ratio": round(peaks[60] / peaks[10], 3),
                "goal": 1.2,
            }
        )
    )


if __name__ == "__main__":
    main()
