"""Whose voice is heard, by whose mouth moves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from clipmill_scoring.domain.active_speaker import SURE, Mouth, Voice, turns_of
from hypothesis import given, settings
from hypothesis import strategies as st

SHOT = (0.0, 12.0)


def mouth(*talking: tuple[float, float], level: float = 0.02, seed: int = 0, until_s: float = 12.0) -> list[Mouth]:
    """A mouth looked at five times a second that moves between the times of `talking`, else hardly."""
    noise = np.random.default_rng(seed)
    times = np.arange(0.0, until_s, 0.2)
    moving = np.array([any(a <= t < b for a, b in talking) for t in times])
    openings = level + noise.normal(0, 0.005, len(times)) + moving * noise.uniform(0, 0.15, len(times))
    return [Mouth(float(t), max(float(o), 0.0)) for t, o in zip(times, openings, strict=True)]


def test_of_two_who_take_turns_the_one_whose_mouth_moves_speaks() -> None:
    turns = turns_of([mouth((0, 6)), mouth((6, 12), level=0.15, seed=1)], SHOT, [SHOT])
    assert [turn.face for turn in turns] == [0, 1]
    assert turns[1].start_s == pytest.approx(6, abs=0.6)
    assert all(turn.confidence > 0.9 for turn in turns)


def test_a_change_is_put_where_a_phrase_begins() -> None:
    turns = turns_of([mouth((0, 6)), mouth((6, 12), seed=1)], SHOT, [SHOT], [2.0, 6.05, 8.0])
    assert turns[1].start_s == 6.05


def test_where_nobody_is_heard_nobody_speaks_though_a_mouth_moves() -> None:
    assert turns_of([mouth((0, 12)), mouth(seed=1)], SHOT, []) == []
    (turn,) = turns_of([mouth((0, 12)), mouth(seed=1)], SHOT, [(3, 7)])
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
    assert [(turn.start_s, turn.end_s, turn.face) for turn in with_voices] == [
        (0.0, pytest.approx(6.0), 0), (6.0, pytest.approx(12.0), 1)
    ]  # fmt: skip


def test_the_window_changes_when_the_voice_does_and_not_at_the_phrase_beside() -> None:
    mouths = [mouth((0, 6)), mouth((6, 12), seed=1)]
    turns = turns_of(mouths, SHOT, [SHOT], [6.8], [Voice(0.0, 6.1, 1), Voice(6.1, 12.0, 2)])
    assert turns[1].start_s == 6.1


def test_a_voice_whose_owner_is_not_seen_makes_no_face_speak() -> None:
    mouths = [mouth((0, 6)), mouth(seed=1)]
    turns = turns_of(mouths, SHOT, [SHOT], voices=[Voice(0.0, 6.0, 1), Voice(6.0, 12.0, 2)])
    assert [(turn.face, turn.end_s) for turn in turns] == [(0, pytest.approx(6.0, abs=0.3))]


def test_where_two_speak_at_once_the_mouths_alone_are_asked() -> None:
    mouths = [mouth((0, 12)), mouth(seed=1)]
    both = [Voice(0.0, 12.0, 1), Voice(0.0, 12.0, 2)]
    assert [turn.face for turn in turns_of(mouths, SHOT, [SHOT], voices=both)] == [0]


def test_a_single_face_is_not_asked_about() -> None:
    assert turns_of([mouth((0, 12))], SHOT, [SHOT]) == []
    assert turns_of([], SHOT, [SHOT]) == []


def test_a_word_thrown_in_is_no_turn() -> None:
    turns = turns_of([mouth((0, 5), (5.8, 12)), mouth((5, 5.8), seed=1)], SHOT, [SHOT])
    assert {turn.face for turn in turns} == {0}


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
    turns = turns_of(mouths, SHOT, [(a, a + length) for a, length in voiced], phrases, voices)
    for turn in turns:
        assert SHOT[0] <= turn.start_s <= turn.end_s <= SHOT[1] + 1e-9
        assert SURE <= turn.confidence <= 1
        assert turn.face < len(mouths)
    assert all(a.end_s <= b.start_s and a.face != b.face for a, b in pairwise(turns))
