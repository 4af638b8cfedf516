"""Who is seen in a video, whose voice is whose, and who of those who are seen speaks."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from clipmill_scoring.domain.active_speaker import Voice
from clipmill_scoring.domain.cast import Cast, cast_of
from clipmill_scoring.seeing import cast_of as message_of
from clipmill_scoring.seeing import people_in

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization, SpeakerTurn
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import FaceSample, FaceTrack, MouthSample, Person, Shot, VisionAnalysis

ANN, BOB = (0.0, 0.0), (1.0, 0.0)


def track(
    number: int, start_s: float, end_s: float, person: int | None = None, *, talks: tuple[float, float] | None = None
) -> FaceTrack:
    """A face searched twice a second; with `talks` its mouth was looked at, too, and moves between these times."""
    noise = np.random.default_rng(number)
    times = np.arange(start_s, end_s, 0.2) if talks else ()
    return FaceTrack(
        track=number,
        person=person,
        samples=[FaceSample(time_s=t) for t in np.arange(start_s, end_s, 0.5)],
        mouths=[
            MouthSample(time_s=t, opening=noise.uniform(0, 0.2 if talks and talks[0] <= t < talks[1] else 0.01))
            for t in times
        ],
    )


def part(start_s: float, end_s: float, looks: list[tuple[float, ...]], *tracks: FaceTrack) -> VisionAnalysis:
    """Of one shot: the camera pans."""
    return VisionAnalysis(
        part=TimeRange(start_s=start_s, end_s=end_s),
        shots=[Shot(range=TimeRange(start_s=start_s, end_s=end_s))],
        people=[Person(person=n, looks=struct.pack(f"<{len(look)}f", *look)) for n, look in enumerate(looks)],
        face_tracks=tracks,
    )


def whose(cast: Cast | None) -> dict[int, int]:
    assert cast is not None
    return {member.person: member.speaker for member in cast.members}


def test_persons_are_the_same_through_all_parts() -> None:
    parts = [
        part(0, 20, [ANN, BOB], track(0, 0, 10, 0), track(1, 10, 20, 1)),
        part(20, 40, [BOB], track(0, 20, 30, 0), track(1, 30, 40)),
    ]
    cast = cast_of(parts, ())
    assert cast is not None
    assert [(member.person, member.spans) for member in cast.members] == [
        (1, ((0.0, 10.0),)),
        (2, ((10.0, 30.0),)),
    ]


def test_a_video_without_a_face_has_no_cast() -> None:
    assert cast_of([part(0, 20, [])], ((0.0, 20.0),)) is None
    assert cast_of([], ()) is None


def test_a_voice_is_whose_face_is_seen_alone_while_it_is_heard() -> None:
    parts = [part(0, 40, [ANN, BOB], track(0, 0, 20, 0), track(1, 20, 40, 1))]
    cast = cast_of(parts, ((0.0, 40.0),), [Voice(1, 19, 7), Voice(21, 39, 4)])
    assert whose(cast) == {1: 7, 2: 4}
    assert cast is not None
    assert [(turn.start_s, turn.end_s, turn.sight.track) for turn in cast.turns] == [
        (pytest.approx(1), pytest.approx(19), 0), (pytest.approx(21), pytest.approx(39), 1)
    ]  # fmt: skip


def test_a_voice_that_is_heard_over_everybody_is_nobodys() -> None:
    parts = [part(0, 40, [ANN, BOB], track(0, 0, 20, 0), track(1, 20, 40, 1))]
    cast = cast_of(parts, ((0.0, 40.0),), [Voice(0, 40, 1)])
    assert whose(cast) == {1: 0, 2: 0}
    assert cast is not None
    assert cast.turns == ()


def test_of_two_voices_over_one_face_the_one_with_most_of_its_time_is_its_own() -> None:
    parts = [part(0, 60, [ANN], track(0, 0, 60, 0))]
    assert whose(cast_of(parts, (), [Voice(0, 15, 1), Voice(15, 60, 2)])) == {1: 2}
    assert whose(cast_of(parts, (), [Voice(0, 28, 1), Voice(28, 60, 2)])) == {1: 0}


def test_a_mouth_that_moves_tells_more_than_who_is_seen_alone() -> None:
    # Of the two, Ann's mouth moves while the first voice speaks; later Bob alone is shown listening to it for a while.
    parts = [
        part(
            0, 34, [ANN, BOB],
            track(0, 0, 10, 0, talks=(0, 10)), track(1, 0, 10, 1, talks=(20, 30)),
            track(2, 10, 16, 1), track(3, 20, 34, 1),
        )
    ]  # fmt: skip
    cast = cast_of(parts, ((0.0, 30.0),), [Voice(0, 16, 1), Voice(20, 34, 2)])
    assert whose(cast) == {1: 1, 2: 2}


def test_a_few_seconds_tell_nothing() -> None:
    assert whose(cast_of([part(0, 10, [ANN], track(0, 0, 8, 0))], (), [Voice(0, 8, 1)])) == {1: 0}


def test_while_two_speak_at_once_nobody_is_told_by_voice() -> None:
    parts = [part(0, 40, [ANN], track(0, 0, 40, 0))]
    cast = cast_of(parts, (), [Voice(0, 30, 1), Voice(20, 40, 2)])
    assert cast is not None
    assert [(turn.start_s, turn.end_s) for turn in cast.turns] == [(0, pytest.approx(20))]


def test_a_face_that_is_nobodys_can_speak() -> None:
    parts = [part(0, 10, [], track(0, 0, 10, talks=(0, 10)), track(1, 0, 10, talks=(20, 30)))]
    cast = cast_of(parts, ((0.0, 10.0),))
    assert cast is not None
    assert cast.members == ()
    assert [turn.sight.person for turn in cast.turns] == [0]


def test_a_clip_has_its_people_the_longest_seen_first_with_what_lies_in_it() -> None:
    parts = [part(0, 40, [ANN, BOB], track(0, 0, 20, 0), track(1, 20, 40, 1))]
    turns = [
        SpeakerTurn(speaker=2, range=TimeRange(start_s=0, end_s=20)),
        SpeakerTurn(speaker=1, range=TimeRange(start_s=20, end_s=40)),
    ]
    cast = message_of(parts, [AudioAnalysis()], Diarization(turns=turns))
    assert cast is not None
    bob, ann = people_in(cast, [TimeRange(start_s=18, end_s=28)])
    assert (ann.person, ann.speaker, ann.share) == (1, 2, pytest.approx(0.2))
    assert (bob.person, bob.speaker, bob.share) == (2, 1, pytest.approx(0.8))
    assert [(turn.range.start_s, turn.range.end_s) for turn in bob.speaks] == [(20, 28)]
    assert people_in(cast, [TimeRange(start_s=100, end_s=110)]) == []


def test_nothing_rests_on_a_doubtful_diarization() -> None:
    parts = [part(0, 40, [ANN], track(0, 0, 40, 0))]
    turns = [SpeakerTurn(speaker=1, range=TimeRange(start_s=0, end_s=40))]
    cast = message_of(parts, [AudioAnalysis()], Diarization(turns=turns, doubt="the voices are alike"))
    assert cast is not None
    assert not cast.members[0].HasField("speaker")
    assert not cast.turns
