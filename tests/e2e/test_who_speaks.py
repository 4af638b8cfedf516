"""Vision, audio and render together: who speaks of two who are seen, on the sample, whose truth tells it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from clipmill_audio.speech_file import RATE_HZ
from clipmill_render.domain.clock import Seen, seen_in, speakers_in, voices_in, words_in
from clipmill_render.domain.crop import crop_path
from clipmill_render.domain.layout import layout_for
from clipmill_render.domain.speakers import Turn
from clipmill_scoring.speaking import diarization_of
from clipmill_vision.exchange import Part, Shown
from clipmill_vision.handlers import analysis_of, request_of
from clipmill_vision.settings import VisionSettings
from clipmill_vision.work import look
from e2e.speech import heard_in, sound_of

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization, Word
from clipmill.clips.v1.clips_pb2 import ASPECT_9_16
from clipmill.common.v1.common_pb2 import PROFILE_BEST, PROFILE_FAST, Profile, TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis, VisionTask

VERTICAL = layout_for(ASPECT_9_16, PROFILE_FAST, 1280, 720)


@dataclass(frozen=True)
class Moment:
    """A time at which the truth has two faces and one voice: the middles of the speaker's face and of the other's."""

    time_s: float
    speaker_x: float
    other_x: float


@dataclass(frozen=True)
class Judged:
    seen: Seen
    turns: list[Turn]
    # The same, with voices told apart.
    turns_by_voice: list[Turn]
    moments: list[Moment]
    duration_s: float

    def said_at(self, moment: Moment, turns: list[Turn]) -> float | None:
        """Where the face is that `turns` say speaks; None where nothing is said."""
        turn = next((turn for turn in turns if turn.start_s <= moment.time_s < turn.end_s), None)
        if turn is None:
            return None
        return min(self.seen.tracks[turn.track], key=lambda face: abs(face.time_s - moment.time_s)).centre_x

    def share_with_speaker_in_window(self, turns: list[Turn]) -> float:
        """How often the speaker's middle is inside the crop's window."""
        frames = crop_path(VERTICAL, self.seen.shots, self.seen.tracks, turns).frames(round(self.duration_s * 25), 25)
        inside = [
            abs(frames[round(moment.time_s * 25)] - moment.speaker_x) < VERTICAL.window / 2 for moment in self.moments
        ]
        return sum(inside) / len(inside)


def moments_of(truth: dict) -> list[Moment]:
    found = []
    for entry in truth["faces"]:
        middles = {box["speaking"]: (box["x0"] + box["x1"]) / 2 for box in entry["boxes"]}
        if len(entry["boxes"]) == 2 and set(middles) == {True, False}:
            found.append(Moment(entry["t_s"], middles[True], middles[False]))
    return found


def analysed(video: Path, truth: dict, profile: Profile.ValueType) -> list[VisionAnalysis]:
    """The shots with two people, each as a part."""
    parts = []
    for shot in truth["shots"]:
        if shot["kind"] == "wide":
            part = TimeRange(start_s=shot["start_s"], end_s=shot["end_s"])
            task = VisionTask(part=part, profile=profile)
            request = request_of(task, video, VisionSettings(decoder_threads=1))
            seen = look(
                type(request)(Part(video, 0, 0.0, part.start_s, part.end_s), Shown(1280, 720, 0), request.effort),
                lambda _: None,
            )
            parts.append(analysis_of(task, seen))
    return parts


@pytest.fixture(scope="module", params=[PROFILE_FAST, PROFILE_BEST], ids=["fast", "best"])
def judged(request: pytest.FixtureRequest, sample: Path, truth: dict) -> Judged:
    clip = TimeRange(start_s=0, end_s=truth["duration_s"])
    last_words = {sentence["end_s"] for sentence in truth["sentences"]}
    heard = AudioAnalysis(
        # That a voice is heard, not whose.
        speech=[TimeRange(start_s=turn["start_s"], end_s=turn["end_s"]) for turn in truth["turns"]],
        words=[
            Word(text=w["text"], start_s=w["start_s"], end_s=w["end_s"], ends_sentence=w["end_s"] in last_words)
            for w in truth["words"]
        ],
    )
    seen = seen_in(clip, analysed(sample, truth, request.param))
    words = words_in(clip, [heard])
    turns = speakers_in(clip, seen, [heard], words)
    turns_by_voice = speakers_in(clip, seen, [heard], words, voices_in(clip, diarized(sample)))
    return Judged(seen, turns, turns_by_voice, moments_of(truth), truth["duration_s"])


@lru_cache
def diarized(sample: Path) -> Diarization | None:
    """As audio and scoring do it."""
    sound = sound_of(sample)
    return diarization_of([heard_in(sound, 0.0, len(sound) / RATE_HZ)], 0)


def said_and_right(judged: Judged, turns: list[Turn]) -> tuple[int, int]:
    said = [(at, moment) for moment in judged.moments if (at := judged.said_at(moment, turns)) is not None]
    return len(said), sum(abs(at - moment.speaker_x) < abs(at - moment.other_x) for at, moment in said)


def test_who_is_said_to_speak_speaks(judged: Judged) -> None:
    said, right = said_and_right(judged, judged.turns)
    # Measured: fast 59 right of 59 said of 80, best 68 of 68.
    assert said >= 0.65 * len(judged.moments)
    assert right >= 0.9 * said


def test_with_voices_told_apart_it_is_said_nearly_always(judged: Judged) -> None:
    said, right = said_and_right(judged, judged.turns_by_voice)
    # Measured: 78 right of 79 said of 80 in both profiles; the speaker is in the window in 99 % of them.
    assert said >= 0.9 * len(judged.moments)
    assert right >= 0.95 * said
    assert judged.share_with_speaker_in_window(judged.turns_by_voice) >= 0.94


def test_the_window_holds_the_speaker_more_often_than_the_larger_face_does(judged: Judged) -> None:
    with_turns, without = judged.share_with_speaker_in_window(judged.turns), judged.share_with_speaker_in_window([])
    # Measured: .90, against .35.
    assert with_turns >= 0.8
    assert with_turns > without + 0.3
