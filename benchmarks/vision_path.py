"""The vision path beside bare decoding: looking at a video, over PyAV decoding the same file and doing nothing.

Both on one core and one thread of the decoder, as a slot of the worker runs. `ratio` is the median of pairs of runs,
one of each kind by turns, so that a machine that slows down slows both; at most 1.6 is wanted of the profile fast.
`cost_ms_per_frame` splits one run of it by feature. Accuracy is printed beside, so that speed is not bought with it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import imageio_ffmpeg
from clipmill_vision import work
from clipmill_vision.domain.cuts import CutFinder
from clipmill_vision.domain.dissolves import DissolveFinder
from clipmill_vision.domain.faces import Box, iou
from clipmill_vision.domain.saliency import SaliencyFinder
from clipmill_vision.domain.shots import Looks, Shot
from clipmill_vision.exchange import Part, Request, Seen, Shown
from clipmill_vision.handlers import request_of
from clipmill_vision.models.blazeface import BlazeFace
from clipmill_vision.models.face_landmark import FaceLandmark
from clipmill_vision.models.face_resnet import FaceResnet
from clipmill_vision.settings import VisionSettings

from clipmill.common.v1.common_pb2 import PROFILE_BEST, PROFILE_FAST, Profile
from clipmill.vision.v1.vision_pb2 import VisionTask

ROOT = Path(__file__).parents[1]
RECORDING = ROOT.parent / "shared" / "media" / "issue-195-aspect-ratio.mp4"
RECORDING_CUTS = [70, 170, 301, 421, 484]
SAMPLE = ROOT / ".venv" / "sample" / "sample.mp4"
LONG_S = 120
PAIRS = 3
# A cut is found when it is within so many frames, a dissolve within so many of its middle.
NEAR_FRAMES = 2
NEAR_DISSOLVE_FRAMES = 10


def request(path: Path, profile: Profile.ValueType, shown: Shown | None = None) -> Request:
    """The request that the worker would make of a task for the whole file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        end_s = float(stream.duration * stream.time_base)
        shown = shown or Shown(stream.width, stream.height, 0)
        part = Part(path, stream.index, 0.0, 0.0, end_s)
    return replace(
        request_of(VisionTask(profile=profile), path, VisionSettings(decoder_threads=1)), part=part, shown=shown
    )


def seen(path: Path, profile: Profile.ValueType, shown: Shown | None = None) -> Seen:
    return work.look(request(path, profile, shown), lambda _: None)


def long_720p(folder: Path) -> Path:
    """LONG_S of 1280 x 720: the recording repeated where it is at hand, else the project's sample."""
    source = RECORDING if RECORDING.exists() else SAMPLE
    path = folder / "long.mp4"
    command = f"-v error -y -stream_loop -1 -i {source} -t {LONG_S} -an -vf scale=1280:720,setsar=1 -c:v libx264"
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *command.split(), "-preset", "veryfast", str(path)], check=True)
    return path


def two_faces_throughout(folder: Path) -> Path:
    """A minute of the recording's shot with two people, repeated, at 720p."""
    path = folder / "two.mp4"
    scale = "scale=1280:720,setsar=1"
    cut = f"-v error -y -ss 6.9 -t 5 -i {RECORDING} -an -vf {scale} -c:v libx264 -preset veryfast {folder}/shot.mp4"
    again = f"-v error -y -stream_loop 11 -i {folder}/shot.mp4 -c copy {path}"
    for command in (cut, again):
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *command.split()], check=True)
    return path


def ratio(path: Path) -> float:
    """Seeing at the profile fast over bare decoding, the median of pairs."""
    pairs = [(cpu_s(lambda: decode_only(path)), cpu_s(lambda: seen(path, PROFILE_FAST))) for _ in range(PAIRS)]
    return round(statistics.median(fast / bare for bare, fast in pairs), 3)


def decode_only(path: Path) -> int:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = "SLICE", 1
        return sum(1 for _ in container.decode(stream))


def cpu_s(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


@contextmanager
def split() -> Iterator[dict[str, float]]:
    """Seconds of CPU by feature while the context lasts."""
    spent: dict[str, float] = defaultdict(float)
    places = [
        (work, "thumbnail", "thumbnails"),
        (CutFinder, "add", "cuts"),
        (SaliencyFinder, "of", "saliency"),
        (DissolveFinder, "add", "dissolves"),
        (Looks, "add", "motion and brightness"),
        (Looks, "add_picture", "sharpness, hash, palette, screens"),
        (work, "passages_of", "passages"),
        (work, "upright", "pictures for the face search"),
        (BlazeFace, "find", "face search"),
        (work, "square", "pictures of faces for their mouths"),
        (work, "cut_out", "pictures of faces for their people"),
        (FaceResnet, "numbers_of", "people"),
        (FaceLandmark, "find", "mouths"),
    ]
    kept = [getattr(owner, name) for owner, name, _ in places]
    inside: list[float] = []

    def timed(function: Callable[..., object], feature: str) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            began = time.process_time()
            inside.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                # What one feature asks of another is the other's.
                whole = time.process_time() - began
                spent[feature] += whole - inside.pop()
                if inside:
                    inside[-1] += whole

        return call

    for (owner, name, feature), function in zip(places, kept, strict=True):
        setattr(owner, name, timed(function, feature))
    try:
        yield spent
    finally:
        for (owner, name, _), function in zip(places, kept, strict=True):
            setattr(owner, name, function)


def cost(path: Path) -> dict[str, float]:
    with split() as spent:
        began = time.process_time()
        frames = seen(path, PROFILE_FAST).frames
        total = time.process_time() - began
    spent["decoding, without loop filter"] = total - sum(spent.values())
    return {feature: round(1000 * s / frames, 3) for feature, s in sorted(spent.items(), key=lambda item: -item[1])}


def shot_f1(shots: list[Shot], cuts_s: list[float], dissolves_s: list[float], fps: float) -> dict[str, object]:
    """F1 of the boundaries, each found at most once."""
    found = [shot.start_s for shot in shots[1:]]
    wanted = [(t, NEAR_FRAMES) for t in cuts_s] + [(t, NEAR_DISSOLVE_FRAMES) for t in dissolves_s]
    hits = 0
    for at_s, near in wanted:
        match = next((t for t in found if abs(t - at_s) * fps <= near + 0.01), None)
        if match is not None:
            found.remove(match)
            hits += 1
    return {"f1": round(2 * hits / max(len(shots) - 1 + len(wanted), 1), 3), "found": hits, "false": len(found)}


def face_scores(result: Seen, truth: dict[float, list[Box]]) -> dict[str, object]:
    """Recall of true faces (IoU at least .5), and boxes where no face is, each at the search nearest to its time.

    Of another shot's searches none counts, unless it was of this very frame.
    """
    seen_at: dict[float, list[Box]] = {time_s: [] for time_s in result.searched_s}
    for face in (face for track in result.tracks for face in track):
        seen_at[face.time_s].append(face.box)
    hits = total = false = 0
    for time_s, faces in truth.items():
        shot = next((s for s in result.shots if s.start_s <= time_s < s.end_s), None)
        near = [t for t in seen_at if shot is None or shot.start_s <= t < shot.end_s or abs(t - time_s) < 0.01]
        boxes = seen_at[min(near, key=lambda t: abs(t - time_s))]
        total += len(faces)
        hits += sum(any(iou(face, box) >= 0.5 for box in boxes) for face in faces)
        false += sum(all(iou(face, box) < 0.5 for face in faces) for box in boxes)
    return {"recall": round(hits / max(total, 1), 3), "found": hits, "of": total, "false": false}


def on_recording(profile: Profile.ValueType) -> dict[str, object]:
    result = seen(RECORDING, profile, Shown(1024, 576, 0))
    # The truth is one frame a second; a face may have moved a little until the nearest search.
    entries = json.loads(RECORDING.with_name("issue-195.faces.json").read_text())
    truth = {entry["frame"] / 25: [Box(*box) for box in entry["faces"]] for entry in entries}
    return {
        "shots": shot_f1(result.shots, [cut / 25 for cut in RECORDING_CUTS], [], 25),
        "faces": face_scores(result, truth),
    }


def on_sample(profile: Profile.ValueType) -> dict[str, object]:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    result = seen(SAMPLE, profile)
    dissolves = [(d["start_s"] + d["end_s"]) / 2 for d in truth["dissolves"]]
    cuts = [shot["start_s"] for shot in truth["shots"][1:] if shot["transition"] == "cut"]
    faces = {
        entry["t_s"]: [Box(b["x0"], b["y0"], b["x1"], b["y1"]) for b in entry["boxes"]]
        for entry in truth["faces"]
        if any(abs(entry["t_s"] - t) < 0.01 for t in result.searched_s)
    }
    return {
        "shots": shot_f1(result.shots, cuts, dissolves, truth["fps"]),
        "faces": face_scores(result, faces),
    }


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    profiles = {"fast": PROFILE_FAST, "best": PROFILE_BEST}
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = long_720p(Path(folder))
        seen(SAMPLE if SAMPLE.exists() else path, PROFILE_FAST)
        pairs = []
        for _ in range(PAIRS):
            bare = cpu_s(lambda: decode_only(path))
            pairs.append((bare, cpu_s(lambda: seen(path, PROFILE_FAST))))
        best = cpu_s(lambda: seen(path, PROFILE_BEST))
        frames = decode_only(path)
        result |= {
            "ratio": round(statistics.median(fast / bare for bare, fast in pairs), 3),
            "ratio_best": round(best / statistics.median(bare for bare, _ in pairs), 3),
            "input": "recording at 720p" if RECORDING.exists() else "sample",
            "frames": frames,
            "bare_ms_per_frame": round(1000 * statistics.median(bare for bare, _ in pairs) / frames, 3),
            "fast_ms_per_frame": round(1000 * statistics.median(fast for _, fast in pairs) / frames, 3),
            "cost_ms_per_frame": cost(path),
        }
        if RECORDING.exists():
            two = two_faces_throughout(Path(folder))
            result |= {"ratio_two_faces_throughout": ratio(two), "cost_two_faces_throughout": cost(two)}
    for name, profile in profiles.items():
        if RECORDING.exists():
            result[f"recording_{name}"] = on_recording(profile)
        if SAMPLE.exists():
            result[f"sample_{name}"] = on_sample(profile)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
