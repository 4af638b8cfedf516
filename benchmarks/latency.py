"""Quick to speak: from the command's start and from the submit to the first progress, the longest silence, loop lag."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.command import run_clipmill
from benchmarks.long_video import FOLDER

LOOK_EVERY_S = 0.01


def main() -> None:
    video = FOLDER / "sample.mp4"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = run_clipmill(video, folder / "data", folder / "clips")
        starts = [run_clipmill(video, folder / "data", folder / "clips").events[0][0] for _ in range(5)]
        first_s, lags = asyncio.run(_in_process(video, folder / "other"))
    times = [at for at, _ in run.events]
    lags.sort()
    print(
        json.dumps(
            {
                "start_to_first_progress_s": round(statistics.median(starts), 3),
                "start_goal_s": 2.0,
                "submit_to_first_progress_ms": round(first_s * 1000, 1),
                "submit_goal_ms": 500,
                "longest_silence_s": round(max(b - a for a, b in pairwise(times)), 2),
                "silence_goal_s": 2.0,
                "loop_lag_ms": {
                    "p50": round(1000 * lags[len(lags) // 2], 2),
                    "p99": round(1000 * lags[len(lags) * 99 // 100], 2),
                    "max": round(1000 * lags[-1], 2),
                },
            }
        )
    )


async def _in_process(video: Path, data: Path) -> tuple[float, list[float]]:
    """Seconds from submit to the first progress event, and how late the event loop woke during the whole job."""
    from clipmill.clips.v1.clips_pb2 import ClipOptions
    from clipmill_cli.composition import one_shot
    from clipmill_cli.data_folder import DataFolder
    from clipmill_shared.telemetry import configure_logging

    lags: list[float] = []

    async def look() -> None:
        while True:
            wanted = time.perf_counter() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            lags.append(time.perf_counter() - wanted)

    options = ClipOptions(clips=3, min_s=10, max_s=40)
    folder = DataFolder(data, 20 << 30)
    configure_logging("INFO", folder.log)
    with folder.run() as run:
        async with one_shot(folder, run, (video.resolve().parent,)) as client:
            looking = asyncio.create_task(look())
            began = time.perf_counter()
            first_s = 0.0
            job = await client.submit(path=str(video), options=options)
            async for _ in client.watch(job.job_id):
                first_s = first_s or time.perf_counter() - began
            looking.cancel()
    return first_s, lags


if __name__ == "__main__":
    main()
