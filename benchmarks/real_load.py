"""20 jobs at once with the real models, on `clipmill up`: that all end, how long it takes, and the peak of memory.

Each is another quarter of a minute of the sample talk, so that no result comes from the cache.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from benchmarks.command import COMMAND, SAMPLE_EVERY_S, tree_bytes
from benchmarks.long_video import FOLDER

JOBS = 20
LENGTH_S = 15
FINAL = {"COMPLETED", "COMPLETED_WITH_WARNINGS", "FAILED", "CANCELLED"}
UP_WITHIN_S = 90


def cuts(folder: Path) -> list[Path]:
    """JOBS different videos, cut at keyframes."""
    made = []
    for number in range(JOBS):
        made.append(folder / f"cut-{number:02}.mp4")
        place = ["-ss", str(4 * number), "-i", str(FOLDER / "sample.mp4"), "-t", str(LENGTH_S)]
        command = [get_ffmpeg_exe(), "-v", "error", "-y", *place, "-c", "copy", "-metadata", f"title={number}"]
        subprocess.run([*command, str(made[-1])], check=True)
    return made


def clipmill(*arguments: str) -> list[dict[str, object]]:
    """What a command says with --json."""
    said = subprocess.run([str(COMMAND), *arguments, "--json"], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CLIPMILL_DATA_DIR"] = str(folder / "data")
        log = folder / "up.log"
        with log.open("w") as said:
            up = subprocess.Popen([str(COMMAND), "up", "--grpc-port", "0"], stdout=said, stderr=said)
        try:
            began = time.monotonic()
            while not re.search(r"is up\.", log.read_text()):
                if up.poll() is not None or time.monotonic() - began > UP_WITHIN_S:
                    sys.exit(f"clipmill up did not come: {log.read_text()[-500:]}")
                time.sleep(SAMPLE_EVERY_S)
            began = time.monotonic()
            for video in cuts(folder):
                clipmill("submit", str(video), "--clips", "1", "--min", "3", "--max", "12")
            taken_s = time.monotonic() - began
            peaks, states = [0], Counter[str]()
            while sum(states[state] for state in FINAL) < JOBS:
                peaks.append(tree_bytes(up.pid))
                states = Counter(str(job["state"]) for job in clipmill("jobs", "--limit", str(JOBS)))
                time.sleep(1)
            took_s = time.monotonic() - began
        finally:
            up.terminate()
            up.wait(30)
    quarter = len(peaks) // 4
    print(
        json.dumps(
            {
                "jobs": JOBS,
                "states": dict(states),
                "taken_s": round(taken_s, 1),
                "all_ended_s": round(took_s, 1),
                "peak_mb": round(max(peaks) / 1e6),
                "peak_mb_by_quarter": [
                    round(max(peaks[n * quarter : (n + 1) * quarter] or [0]) / 1e6) for n in range(4)
                ],
            }
        )
    )


if __name__ == "__main__":
    main()
