"""Whose voice is heard, by whose mouth moves; and that the window goes there."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from clipmill_render.domain.clock import voices_in
from clipmill_render.domain.crop import crop_path
from clipmill_render.domain.faces import Face, Shot
from clipmill_render.domain.layout import layout_for
from clipmill_render.domain.speakers import SURE, Mouth, Turn, Voice, turns_of
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.audio.v1.audio_pb2 import Diarization, SpeakerTurn
from clipmill.clips.v1.clips_pb2 import ASPECT_9_16
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange

SHOT = Shot(0.0, 12.0)
VERTICAL = layout_for(ASPECT_9_16, PROFILE_FAST, 1280, 720)


def mouth(*talking: tuple[float, float], level: float = 0.02, seed: int = 0, until_s: float = 12.0) -> list[Mouth]:
    """A mouth looked at five times a second that moves between the times of `talking`, else hardly."""
    noise = np.random.default_rng(seed)
    times = np.arange(0.0, until_s, 0.2)
    moving = np.array([any(a <= t < b for a, b in talking) for t in times])
    openings = level + noise.normal(0, 0.005, len(times)) + moving * noise.uniform(0, 0.15, len(times))
    return [Mouth(float(t), max(float(o), 0.0)) for t, o in zip(times, openings, strict=True)]


def test_of_two_who_take_turns_the_one_whose_mouth_moves_speaks() -> None:
    turns = turns_of([mouth((0, 6)), mouth((6, 12), level=0.15, seed=1)], SHOT, [SHOT])
    assert [turn.track for turn in turns] == [0, 1]
    assert turns[1].start_s == pytest.approx(6, abs=0.6)
    assert all(turn.confidence > 0.9 for turn in turns)


def test_a_change_is_put_where_a_phrase_begins() -> None:
    turns = turns_of([mouth((0, 6)), mouth((6, 12), seed=1)], SHOT, [SHOT], [2.0, 6.05, 8.0])
    assert turns[1].start_s == 6.05


def test_where_nobody_is_heard_nobody_speaks_though_a_mouth_moves() -> None:
    assert turns_of([mouth((0, 12)), mouth(seed=1)], SHOT, []) == []
    (turn,) = turns_of([mouth((0, 12)), mouth(seed=1)], SHOT, [Shot(3, 7)])
    assert (turn.start_s, turn.end_s) == pytest.approx((3, 7), abs=0.21)


def test_a_voice_while_all_mouths_rest_is_nobodys_who_is_seen() -> None:
    assert turns_of([mouth(), mouth(seed=1)], SHOT, [SHOT]) == []


def test_of_two_mouths_that_move_alike_none_is_said_to_speak() -> None:
    assert turns_of([mouth((0, 12)), mouth((0, 12))], SHOT, [SHOT]) == []


def test_a_face_that_is_hardly_told_to_speak_is_known_by_its_voice() -> None:
    # Their mouths rest towards the ends of their turns; the voices say who goes on.
    mouths = [mouth((1, 4)), mouth((7, 10.5), seed=1)]
    voices = [Voice(0.0, 6.0, 1), Voice(6.0, 12.0, 2)]
    without, with_voices = turns_of(mouths, SHOT, [SHOT]), turns_of(mouths, SHOT, [SHOT], voices=voices)
    assert max(turn.end_s for turn in without) < 11.5
    assert [(turn.start_s, turn.end_s, turn.track) for turn in with_voices] == [
        (0.0, pytest.approx(6.0), 0), (6.0, pytest.approx(12.0), 1)
    ]  # fmt: skip


def test_the_window_changes_when_the_voice_does_and_not_at_the_phrase_beside() -> None:
    mouths = [mouth((0, 6)), mouth((6, 12), seed=1)]
    turns = turns_of(mouths, SHOT, [SHOT], [6.8], [Voice(0.0, 6.1, 1), Voice(6.1, 12.0, 2)])
    assert turns[1].start_s == 6.1


def test_a_voice_whose_owner_is_not_seen_makes_no_face_speak() -> None:
    mouths = [mouth((0, 6)), mouth(seed=1)]
    turns = turns_of(mouths, SHOT, [SHOT], voices=[Voice(0.0, 6.0, 1), Voice(6.0, 12.0, 2)])
    assert [(turn.track, turn.end_s) for turn in turns] == [(0, pytest.approx(6.0, abs=0.3))]


def test_where_two_speak_at_once_the_mouths_alone_are_asked() -> None:
    mouths = [mouth((0, 12)), mouth(seed=1)]
    both = [Voice(0.0, 12.0, 1), Voice(0.0, 12.0, 2)]
    assert [turn.track for turn in turns_of(mouths, SHOT, [SHOT], voices=both)] == [0]


def test_voices_are_on_the_clips_clock_and_what_is_doubtful_is_not_used() -> None:
    clip = TimeRange(start_s=100, end_s=112)
    turns = [SpeakerTurn(speaker=2, range=TimeRange(start_s=start_s, end_s=start_s + 5)) for start_s in (90, 98, 106)]
    assert voices_in(clip, Diarization(turns=turns)) == [Voice(-2, 3, 2), Voice(6, 11, 2)]
    assert voices_in(clip, Diarization(turns=turns, doubt="the voices are alike")) == []
    assert voices_in(clip, None) == []


def test_a_single_face_is_not_asked_about() -> None:
    assert turns_of([mouth((0, 12))], SHOT, [SHOT]) == []
    assert turns_of([], SHOT, [SHOT]) == []


def test_a_word_thrown_in_is_no_turn() -> None:
    turns = turns_of([mouth((0, 5), (5.8, 12)), mouth((5, 5.8), seed=1)], SHOT, [SHOT])
    assert {turn.track for turn in turns} == {0}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.floats(0, 12), st.floats(0, 1)), max_size=40), max_size=4),
    st.lists(st.tuples(st.floats(-2, 12), st.floats(0, 6)), max_size=4),
    st.lists(st.floats(0, 12), max_size=6),
    st.lists(st.tuples(st.floats(-2, 12), st.floats(0, 6), st.integers(1, 3)), max_size=5),
)
def test_turns_are_in_order_inside_the_shot_and_sure(
    seen: list[list[tuple[float, float]]],
    voiced: list[tuple[float, float]],
    phrases: list[float],
    told: list[tuple[float, float, int]],
) -> None:
    mouths = [[Mouth(t, o) for t, o in sorted(track)] for track in seen]
    voices = [Voice(a, a + length, speaker) for a, length, speaker in told]
    turns = turns_of(mouths, SHOT, [Shot(a, a + length) for a, length in voiced], phrases, voices)
    for turn in turns:
        assert SHOT.start_s <= turn.start_s <= turn.end_s <= SHOT.end_s + 1e-9
        assert SURE <= turn.confidence <= 1
        assert turn.track < len(mouths)
    assert all(a.end_s <= b.start_s and a.track != b.track for a, b in pairwise(turns))


def faces(x: float, size: float = 0.1) -> list[Face]:
    return [Face(n / 2, x - size / 2, 0.3, x + size / 2, 0.3 + size, 0.9) for n in range(24)]


def test_the_window_goes_to_the_speaker_at_once_and_not_over_the_wall_between() -> None:
    tracks, turns = [faces(0.3, 0.15), faces(0.7)], [Turn(1.0, 5.9, 1, 0.9), Turn(6.0, 12.0, 0, 0.9)]
    middles = crop_path(VERTICAL, [SHOT], tracks, turns).frames(300, 25)
    assert middles[:150] == pytest.approx(0.7)
    assert middles[150:] == pytest.approx(0.3)


def test_without_a_word_on_who_speaks_the_larger_face_is_shown() -> None:
    assert crop_path(VERTICAL, [SHOT], [faces(0.3, 0.15), faces(0.7)]).frames(300, 25) == pytest.approx(0.3)


def test_between_speakers_who_sit_close_the_window_does_not_jump() -> None:
    tracks, turns = [faces(0.45), faces(0.55)], [Turn(0.0, 5.9, 0, 0.9), Turn(6.0, 12.0, 1, 0.9)]
    assert np.ptp(crop_path(VERTICAL, [SHOT], tracks, turns).frames(300, 25)) == 0


def test_a_speaker_in_one_shot_says_nothing_of_the_next() -> None:
    shots = [Shot(0.0, 6.0), Shot(6.0, 12.0)]
    middles = crop_path(VERTICAL, shots, [faces(0.3, 0.15), faces(0.7)], [Turn(0.0, 6.0, 1, 0.9)]).frames(300, 25)
    assert middles[:150] == pytest.approx(0.7)
    assert middles[150:] == pytest.approx(0.3)
