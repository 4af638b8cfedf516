"""Parts cover the whole, never overlap, and are cut where the rule says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from clipmill_ingest.domain.parts import MOST_PARTS, SHORTEST_S, Span, at_keyframes, at_silences, number_of_parts
from hypothesis import given
from hypothesis import strategies as st

durations = st.floats(0.04, 50_000)
counts = st.integers(1, MOST_PARTS)


def assert_covers(spans: list[Span], duration_s: float, at_most: int) -> None:
    assert spans[0].start_s == 0
    assert spans[-1].end_s == duration_s
    assert all(span.start_s < span.end_s for span in spans)
    assert all(one.end_s == two.start_s for one, two in pairwise(spans))
    assert len(spans) <= at_most


@given(durations, st.floats(1, 1000), st.integers(1, 64))
def test_there_are_enough_parts_for_the_cores_but_none_is_too_short(duration_s, part_s, side_by_side) -> None:
    parts = number_of_parts(duration_s, part_s, side_by_side)
    assert 1 <= parts <= MOST_PARTS
    assert parts == 1 or duration_s / parts >= SHORTEST_S
    if duration_s >= SHORTEST_S * side_by_side and side_by_side <= MOST_PARTS:
        assert parts >= side_by_side


def test_ten_minutes_on_two_cores_are_four_parts() -> None:
    assert number_of_parts(600, 180, 2) == 4


@given(durations, counts, st.integers(0, 2**32 - 1), st.integers(0, 3000))
def test_cuts_at_silences_cover_the_whole(duration_s, parts, seed, steps) -> None:
    level = np.random.default_rng(seed).uniform(-90, 0, steps).astype(np.float32)
    assert_covers(at_silences(level, 0.02, duration_s, parts), duration_s, parts)


@given(durations, counts, st.lists(st.floats(-10, 50_000), max_size=50))
def test_cuts_at_keyframes_cover_the_whole_and_begin_at_one(duration_s, parts, keyframes) -> None:
    spans = at_keyframes(sorted(keyframes), duration_s, parts)
    assert_covers(spans, duration_s, parts)
    assert {span.start_s for span in spans[1:]} <= set(keyframes)


@given(st.floats(210, 390))
def test_a_cut_lies_inside_the_one_pause_near_its_place(pause_s) -> None:
    level = np.full(600 * 50, -20, np.float32)
    level[round((pause_s - 1) * 50) : round((pause_s + 1) * 50)] = -60
    _, second = at_silences(level, 0.02, 600, 2)
    assert abs(second.start_s - pause_s) <= 0.55


def test_without_a_pause_the_cut_is_in_the_middle() -> None:
    _, second = at_silences(np.full(600 * 50, -20, np.float32), 0.02, 600, 2)
    assert abs(second.start_s - 300) < 1


def test_all_keyframes_at_the_start_make_one_part() -> None:
    assert at_keyframes([0.0], 600, 4) == [Span(0, 600)]
