"""How right seeing is, beside what others would use, on the same input with known truth; profile fast.

Baselines, where they are installed: `scenedetect`'s AdaptiveDetector for shots, OpenCV's Haar cascade for faces.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
from clipmill_vision.domain.faces import Box, Face, iou
from clipmill_vision.domain.shots import Shot
from clipmill_vision.domain.text_areas import TextArea, may_be_written
from clipmill_vision.domain.thumbnail import Plane
from clipmill_vision.exchange import Seen, Shown, Tally
from clipmill_vision.models.text_areas import text_areas
from clipmill_vision.pictures import fine_luma, upright
from clipmill_vision.work import TEXT_SIDE
from PIL import Image

from benchmarks.vision_path import RECORDING, RECORDING_CUTS, SAMPLE, face_scores, seen, shot_f1
from clipmill.common.v1.common_pb2 import PROFILE_FAST
from services.vision.tests.lettered import SIZES, Counts, lettered

# A face in the truth, one a second.
Truth = dict[float, list[Box]]
NASA = RECORDING.with_name("nasa_13013.mp4")
HD = (1280, 720)
# Of the recording's pictures, the corner with the channel's name.
WATERMARK = (0.2, 0.12)


def scenedetect_shots(path: Path) -> list[Shot] | None:
    try:
        from scenedetect import AdaptiveDetector, detect
    except ImportError:
        return None
    return [Shot(a.seconds, b.seconds, False) for a, b in detect(str(path), AdaptiveDetector())]


def haar_faces(path: Path, shown: Shown, truth: Truth) -> Seen | None:
    """The boxes that the cascade finds in the truth's frames, at the picture's full size."""
    try:
        import cv2
    except ImportError:
        return None
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    tracks: list[list[Face]] = []
    wanted = sorted(truth)
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if not wanted or frame.time < wanted[0] - 0.01:
                continue
            time_s = wanted.pop(0)
            grey = frame.reformat(shown.width, shown.height, "gray").to_ndarray()
            for x, y, width, height in cascade.detectMultiScale(grey, 1.1, 5):
                box = Box(x / shown.width, y / shown.height, (x + width) / shown.width, (y + height) / shown.height)
                tracks.append([Face(time_s, box, 1.0)])
    return Seen([], tracks, Tally(), 0, sorted(truth), cut_at_end=False)


def switches(result: Seen, name_of: Callable[[Face], str | None]) -> dict[str, int]:
    """Of the tracks: how often one goes over to another of the truth's people, and who the persons found are."""
    over = 0
    named: dict[int, Counter[str]] = defaultdict(Counter)
    for number, track in enumerate(result.tracks):
        names = [name for face in track if (name := name_of(face)) is not None]
        over += sum(a != b for a, b in pairwise(names))
        named[number].update(names)
    wrong = 0
    people = []
    for person in result.people:
        counts = sum((Counter({max(named[n], key=named[n].get): 1}) for n in person.tracks if named[n]), Counter())
        people.append(counts)
        wrong += counts.total() - max(counts.values(), default=0)
    return {
        "tracks": len(result.tracks),
        "switches within a track": over,
        "people": len(people),
        "tracks of another person": wrong,
        "tracks of nobody": len(result.tracks) - sum(len(person.tracks) for person in result.people),
    }


def on_sample() -> dict[str, object]:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    result, shown = seen(SAMPLE, PROFILE_FAST), Shown(1280, 720, 0)
    boxes = {
        e["t_s"]: {b["person"]: Box(b["x0"], b["y0"], b["x1"], b["y1"]) for b in e["boxes"]} for e in truth["faces"]
    }

    def name_of(face: Face) -> str | None:
        at = min(boxes, key=lambda t: abs(t - face.time_s))
        return next((name for name, box in boxes[at].items() if iou(box, face.box) > 0.5), None)

    cuts = [shot["start_s"] for shot in truth["shots"][1:] if shot["transition"] == "cut"]
    dissolves = [(d["start_s"] + d["end_s"]) / 2 for d in truth["dissolves"]]
    searched = {t: list(b.values()) for t, b in boxes.items() if any(abs(t - s) < 0.01 for s in result.searched_s)}
    return {
        **compared(SAMPLE, shown, result, searched, cuts, dissolves, truth["fps"]),
        "people": switches(result, name_of),
    }


def on_recording() -> dict[str, object]:
    shown = Shown(1024, 576, 0)
    result = seen(RECORDING, PROFILE_FAST, shown)
    entries = json.loads(RECORDING.with_name("issue-195.faces.json").read_text())
    truth = {entry["frame"] / 25: [Box(*box) for box in entry["faces"]] for entry in entries}
    return {
        **compared(RECORDING, shown, result, truth, [cut / 25 for cut in RECORDING_CUTS], [], 25),
        "tracks": len(result.tracks),
    }


def compared(
    path: Path, shown: Shown, result: Seen, faces: Truth, cuts_s: list[float], dissolves_s: list[float], fps: float
) -> dict[str, object]:
    others, haar = scenedetect_shots(path), haar_faces(path, shown, faces)
    return {
        "shots": shot_f1(result.shots, cuts_s, dissolves_s, fps),
        "shots by scenedetect": shot_f1(others, cuts_s, dissolves_s, fps) if others else "not installed",
        "faces": face_scores(result, faces),
        "faces by Haar": face_scores(haar, faces) if haar else "not installed",
    }


def text_on_screen() -> dict[str, object]:
    """Lines rendered over photographs, and the photographs without: what is found of them, in both profiles."""
    result: dict[str, object] = {}
    photos = [photo for path in (SAMPLE, RECORDING, NASA) if path.exists() for photo in photos_of(path)]
    lettered_ones = [lettered(photo, seed, (24, *SIZES)) for seed, photo in enumerate(photos)]
    for profile, is_asked in (("fast", may_be_written), ("best", lambda luma: True)):
        counts, large, passed, told = Counts(), Counts(), 0, 0
        for photo, (picture, lines) in zip(photos, lettered_ones, strict=True):
            areas = read(picture, is_asked)
            counts.add(lines, areas, *HD)
            large.add([line for line in lines if line.size >= min(SIZES)], areas, *HD)
            passed += is_asked(fine_luma(frame_of(photo), Shown(*HD, 0)))
            told += bool(read(photo, is_asked))
        result[profile] = {
            "lines": counts.lines, "found": counts.found, "lines of 4.4 % and more": large.lines,
            "found of those": large.found, "areas": counts.areas, "false": counts.false,
            "photographs": len(photos), "of them asked about": passed, "with areas told": told,
        }  # fmt: skip
    return result


def photos_of(path: Path) -> list[Image.Image]:
    """A picture each four seconds, but for the sample's slide."""
    slides = []
    if path == SAMPLE:
        truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())["shots"]
        slides = [(shot["start_s"] - 1, shot["end_s"] + 1) for shot in truth if shot["kind"] == "slide"]
    pictures, next_s = [], 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(max(container.streams.video, key=lambda stream: stream.width)):
            if frame.time >= next_s and not any(begin <= frame.time < end for begin, end in slides):
                next_s = frame.time + 4
                pictures.append(frame.to_image().resize(HD))
    return pictures


def frame_of(picture: Image.Image) -> av.VideoFrame:
    return av.VideoFrame.from_image(picture).reformat(format="yuv420p")


def read(picture: Image.Image, is_asked: Callable[[Plane], bool]) -> list[TextArea]:
    """As the stage does; without the recording's watermark, which is text."""
    frame, shown = frame_of(picture), Shown(*HD, 0)
    if not is_asked(fine_luma(frame, shown)):
        return []
    areas = text_areas(upright(frame, shown, TEXT_SIDE)).areas
    return [area for area in areas if area.x1 > WATERMARK[0] or area.y1 > WATERMARK[1]]


def main() -> None:
    result: dict[str, object] = {"text": text_on_screen()}
    if SAMPLE.exists():
        result["sample"] = on_sample()
    result["issue-195"] = on_recording() if RECORDING.exists() else "not there"
    print(json.dumps(result))


if __name__ == "__main__":
    main()
