"""Who speaks of those who are seen, on the sample: what vision and scoring say, held against the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipmill_scoring.seeing import cast_of
from clipmill_vision.handlers import analysis_of, request_of
from clipmill_vision.settings import VisionSettings
from clipmill_vision.work import look

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization, Word
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange
from clipmill.vision.v1.vision_pb2 import Cast, VisionAnalysis, VisionTask


@dataclass(frozen=True)
class Moment:
    """A time at which the truth has one voice and somebody in the picture: the faces' middles, and who speaks."""

    time_s: float
    middles: dict[str, tuple[float, float]]
    # Width times height.
    sizes: dict[str, float]
    speaker: str


def moments_of(truth: dict) -> Iterator[Moment]:
    """Five a second."""
    for entry in truth["faces"]:
        voices = [turn["speaker"] for turn in truth["turns"] if turn["start_s"] <= entry["t_s"] < turn["end_s"]]
        if len(voices) == 1 and entry["boxes"]:
            boxes = {box["person"]: box for box in entry["boxes"]}
            middles = {who: ((b["x0"] + b["x1"]) / 2, (b["y0"] + b["y1"]) / 2) for who, b in boxes.items()}
            sizes = {who: (b["x1"] - b["x0"]) * (b["y1"] - b["y0"]) for who, b in boxes.items()}
            yield Moment(entry["t_s"], middles, sizes, voices[0])


def parts_of(video: Path, duration_s: float) -> list[VisionAnalysis]:
    """The whole video, in two parts, as the profile fast sees it."""
    parts = []
    for part in (TimeRange(start_s=0, end_s=duration_s / 2), TimeRange(start_s=duration_s / 2, end_s=duration_s)):
        task = VisionTask(part=part, profile=PROFILE_FAST, display_width=1280, display_height=720)
        seen = look(request_of(task, video, VisionSettings(decoder_threads=1)), lambda _: None)
        parts.append(analysis_of(task, seen))
    return parts


def cast_in(parts: Sequence[VisionAnalysis], truth: dict, diarization: Diarization | None) -> Cast:
    """As scoring makes it; that a voice is heard, and what it says, is the truth's, whose it is the diarization's."""
    last_words = {sentence["end_s"] for sentence in truth["sentences"]}
    heard = AudioAnalysis(
        speech=[TimeRange(start_s=turn["start_s"], end_s=turn["end_s"]) for turn in truth["turns"]],
        words=[
            Word(text=w["text"], start_s=w["start_s"], end_s=w["end_s"], ends_sentence=w["end_s"] in last_words)
            for w in truth["words"]
        ],
    )
    cast = cast_of(parts, [heard], diarization)
    assert cast is not None, "somebody is seen"
    return cast


def by_cast(parts: Sequence[VisionAnalysis], cast: Cast) -> Callable[[Moment], str | None]:
    """Whose face the cast says speaks at a moment; None where it says nothing."""
    tracks = {(part.part.start_s, track.track): track for part in parts for track in part.face_tracks}

    def who(moment: Moment) -> str | None:
        turn = next((t for t in cast.turns if t.range.start_s <= moment.time_s < t.range.end_s), None)
        if turn is None:
            return None
        samples = tracks[turn.part_start_s, turn.track].samples
        face = min(samples, key=lambda sample: abs(sample.time_s - moment.time_s))
        x, y = (face.x0 + face.x1) / 2, (face.y0 + face.y1) / 2
        return min(moment.middles, key=lambda n: abs(moment.middles[n][0] - x) + abs(moment.middles[n][1] - y))

    return who


def by_size(moment: Moment) -> str | None:
    """The baseline: the largest face."""
    return max(moment.sizes, key=lambda name: moment.sizes[name])


@dataclass(frozen=True)
class Accuracy:
    """Of `moments`: at how many it was said who speaks, and how many are right.

    Right is to name who speaks, and to name nobody where who speaks is not in the picture.
    """

    moments: int
    said: int
    right: int

    @property
    def share_right(self) -> float:
        return self.right / self.moments


def accuracy(moments: Sequence[Moment], who: Callable[[Moment], str | None]) -> Accuracy:
    named = [(who(moment), moment.speaker if moment.speaker in moment.middles else None) for moment in moments]
    return Accuracy(len(named), sum(n is not None for n, _ in named), sum(n == wanted for n, wanted in named))
