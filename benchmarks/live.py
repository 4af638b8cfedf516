"""A live source, as fast as it is said: from what is said to its line, and from a candidate's end to the candidate."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import av
from imageio_ffmpeg import get_ffmpeg_exe

from benchmarks.long_video import FOLDER

LENGTH_S = 60


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        talk, growing = folder / "talk.ts", folder / "growing.ts"
        command = [get_ffmpeg_exe(), "-v", "error", "-i", str(FOLDER / "sample.mp4"), "-t", str(LENGTH_S)]
        subprocess.run([*command, "-c", "copy", str(talk)], check=True)
        growing.touch()
        print(json.dumps(_measured(talk, growing)))


def _measured(talk: Path, growing: Path) -> dict[str, object]:
    """Seconds from when it was written to when it was told of; what a line begins with has waited the longest."""
    environment = {**os.environ, "CLIPMILL_DATA_DIR": str(growing.parent / "data")}
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("clipmill")), "run", "--live", str(growing), "--json", "--min", "8"],
        cwd=growing.parent,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    began = time.monotonic()
    writer = threading.Thread(target=_write, args=(talk, growing, began))
    writer.start()
    lines: dict[int, tuple[float, float]] = {}
    candidates: dict[tuple[float, float], float] = {}
    assert process.stdout is not None
    for text in process.stdout:
        now_s = time.monotonic() - began
        event = json.loads(text)
        for line in (event.get("live") or {}).get("lines", ()):
            lines.setdefault(line["number"], (now_s - line["start_s"], now_s - line["end_s"]))
        for found in (event.get("live") or {}).get("candidates", ()):
            candidates.setdefault((found["start_s"], found["end_s"]), now_s - found["end_s"])
        if not writer.is_alive() and len(candidates) > 1:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate()
    writer.join()
    return {
        "source": f"the sample's first {LENGTH_S} s as MPEG-TS, written as fast as it was said",
        "lines": len(lines),
        "line_after_its_end_s": _spread([end_s for _, end_s in lines.values()]),
        "line_after_its_beginning_s": _spread([start_s for start_s, _ in lines.values()]),
        "candidates": len(candidates),
        "candidate_after_its_end_s": _spread(list(candidates.values())),
        "first_candidate_after_its_end_s": round(next(iter(candidates.values())), 1),
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 1), "most": round(max(seconds), 1)}


def _write(talk: Path, growing: Path, began: float) -> None:
    """Each frame, and the sound before it, when it is its turn: bytes come as unevenly as an encoder gives them."""
    with av.open(str(talk)) as container:
        frames = [
            (float(packet.dts * packet.time_base), packet.pos) for packet in container.demux(video=0) if packet.dts
        ]
    content, at = talk.read_bytes(), 0
    ends = [(time_s - frames[0][0], place) for time_s, place in frames[1:]] + [(LENGTH_S, len(content))]
    with growing.open("ab", buffering=0) as file:
        for time_s, until in ends:
            time.sleep(max(0.0, began + time_s - time.monotonic()))
            file.write(content[at:until])
            at = until


if __name__ == "__main__":
    main()
