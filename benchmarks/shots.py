"""Does a network find shots better than arithmetic? TransNetV2 (`make export`) beside the part's own finder.

On the sample, and on a talk made of its shots with transitions that the finder is said to miss. A transition is found
by a boundary in it, or two frames beside it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from benchmarks.vision_path import ROOT, SAMPLE, seen
from clipmill.common.v1.common_pb2 import PROFILE_FAST
from clipmill_models import shots

NETWORK = ROOT / "out" / "exported" / "shots.onnx"
# Of its authors, who chose it on held-out videos.
THRESHOLD = 0.5
PIECE_S = 4.0
MADE = [("wipeleft", 1.0), ("dissolve", 2.0), ("slideup", 1.0), ("fade", 3.0), ("circleopen", 1.0), ("wipetl", 1.5)]
NEAR_FRAMES = 2
Span = tuple[float, float]


def made(folder: Path, begins_s: list[float]) -> tuple[Path, list[Span]]:
    """Pieces of the sample, each going over into the next by another of MADE; and where."""
    path, spans, chain, at_s = folder / "made.mp4", [], "", 0.0
    inputs = [word for s in begins_s for word in ("-ss", f"{s}", "-t", f"{PIECE_S}", "-i", str(SAMPLE))]
    last = "0:v"
    for number, (kind, lasts_s) in enumerate(MADE, start=1):
        at_s += PIECE_S - lasts_s
        spans.append((at_s, at_s + lasts_s))
        chain += f"[{last}][{number}:v]xfade=transition={kind}:duration={lasts_s}:offset={at_s}[v{number}];"
        last = f"v{number}"
    command = ["-v", "error", "-y", *inputs, "-filter_complex", chain.rstrip(";"), "-map", f"[{last}]", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *command], check=True)
    return path, spans


def by_network(path: Path) -> tuple[list[float], float]:
    """The beginnings of shots but the first, and milliseconds a frame without decoding."""
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate)
        pictures = np.stack(
            [f.reformat(shots.WIDTH, shots.HEIGHT, "rgb24").to_ndarray() for f in container.decode(video=0)]
        )
    infer = shots.load_from(NETWORK)
    began = time.process_time()
    step = shots.FRAMES - 2 * shots.OUTER
    behind = shots.OUTER + step - len(pictures) % step
    padded = np.concatenate([pictures[:1].repeat(shots.OUTER, 0), pictures, pictures[-1:].repeat(behind, 0)])
    ends = np.concatenate(
        [
            infer({"frames": padded[None, at : at + shots.FRAMES]})["ends"][0, shots.OUTER : -shots.OUTER]
            for at in range(0, len(padded) - shots.FRAMES + 1, step)
        ]
    )[: len(pictures)]
    spent_s = time.process_time() - began
    above = ends > THRESHOLD
    # It marks the last frame of a shot.
    last = np.flatnonzero(above[:-1] & ~above[1:])
    return [(number + 1) / rate for number in last], 1000 * spent_s / len(pictures)


def f1(found: list[float], wanted: list[Span], near_s: float) -> dict[str, object]:
    left = list(found)
    hits = 0
    for begin_s, end_s in wanted:
        match = next((t for t in left if begin_s - near_s <= t <= end_s + near_s), None)
        if match is not None:
            left.remove(match)
            hits += 1
    score = round(2 * hits / max(len(found) + len(wanted), 1), 3)
    return {"f1": score, "found": hits, "of": len(wanted), "false": len(left)}


def main() -> None:
    if not NETWORK.exists():
        print(json.dumps({"benchmark": "shots", "skipped": "no exported network: make export"}))
        return
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    cuts = [(shot["start_s"],) * 2 for shot in truth["shots"][1:] if shot["transition"] == "cut"]
    dissolves = [(each["start_s"], each["end_s"]) for each in truth["dissolves"]]
    longest = sorted(truth["shots"], key=lambda shot: shot["start_s"] - shot["end_s"])
    # Shots that differ, one after another.
    begins = sorted(shot["start_s"] + 1 for shot in longest[: len(MADE) + 1])
    report: dict[str, object] = {"benchmark": "shots"}
    with tempfile.TemporaryDirectory() as folder:
        path, spans = made(Path(folder), begins)
        for name, video, wanted in (("sample", SAMPLE, cuts + dissolves), ("made transitions", path, spans)):
            own = [shot.start_s for shot in seen(video, PROFILE_FAST).shots[1:]]
            others, cost_ms = by_network(video)
            near_s = (NEAR_FRAMES + 0.01) / truth["fps"]
            report[name] = {"own": f1(own, wanted, near_s), "network": f1(others, wanted, near_s)}
            report["network_ms_a_frame"] = round(cost_ms, 1)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
