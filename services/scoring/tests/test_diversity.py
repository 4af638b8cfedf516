"""The selection with repetition is the exact optimum, too."""

import numpy as np
from clipmill_scoring.domain.diversity import POINTS_PER_WORD, _holds_better, _solve, select_diverse
from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.selection import select
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sets import columns, disjoint, problem, seconds, sets, videos, worth


@given(videos(), st.integers(0, 5))
@settings(max_examples=150)
def test_no_other_set_is_worth_more_and_none_of_equal_worth_is_smaller(video, at_most):
    intervals, said = video
    selection = select_diverse(*columns(intervals), said, at_most)
    chosen = selection.chosen.tolist()

    best = max((worth(intervals, said, each), -len(each)) for each in sets(intervals, at_most))

    assert selection.is_proven
    assert disjoint(intervals, chosen)
    assert chosen == sorted(chosen, key=lambda k: intervals[k])
    assert (worth(intervals, said, chosen), -len(chosen)) == best


@given(st.data(), videos(), st.integers(0, 5))
@settings(max_examples=150)
def test_nor_is_one_of_clips_of_which_some_come_with_a_second_piece(data, video, at_most):
    intervals, said = video
    second = data.draw(seconds(intervals))
    selection = select_diverse(*columns(intervals), said, at_most, second=second)
    chosen = selection.chosen.tolist()

    best = max((worth(intervals, said, each), -len(each)) for each in sets(intervals, at_most, second))

    assert selection.is_proven
    assert disjoint(intervals, chosen, second)
    assert (worth(intervals, said, chosen), -len(chosen)) == best


def test_a_clip_may_lie_in_what_another_leaves_out():
    intervals, nothing = [(0, 3, 50.0), (4, 7, 50.0), (8, 9, 60.0)], Said(*(np.zeros(0, np.int64) for _ in range(3)))
    second = np.array([(8, 10), (0, 0), (0, 0)])

    assert select_diverse(*columns(intervals), nothing, 3, second=second).chosen.tolist() == [1, 2]
    assert select_diverse(*columns(intervals[:2]), nothing, 3, second=second[:2]).chosen.tolist() == [0, 1]


@given(st.data(), videos(), st.integers(1, 4))
@settings(max_examples=40)
def test_the_solver_alone_finds_the_same(data, video, at_most):
    second = data.draw(seconds(video[0]))
    whole = problem(*video, at_most, second)

    chosen, is_proven = _solve(whole)

    assert is_proven
    assert whole.value(chosen) == max(whole.value(np.array(each, np.int64)) for each in sets(video[0], at_most, second))


@given(videos())
def test_an_interval_is_left_out_only_for_one_within_it_of_no_smaller_score(video):
    intervals, _ = video
    start_s, end_s, score = columns(intervals)
    points = np.rint(score * 100).astype(np.int64)

    left_out = _holds_better(start_s, end_s, points)

    for k, (a, b, p) in enumerate(intervals):
        inner = [j for j, (c, d, q) in enumerate(intervals) if j != k and a <= c and d <= b and q >= p]
        # Of equal ones the first stays.
        inner = [j for j in inner if intervals[j] != intervals[k] or j < k]
        assert left_out[k] == bool(inner)


def test_without_repetition_it_is_the_plain_selection():
    intervals = [(0, 3, 50.0), (2, 5, 60.0), (5, 8, 40.0)]
    nothing = Said(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))

    assert select_diverse(*columns(intervals), nothing, 2).chosen.tolist() == select(*columns(intervals), 2).tolist()


def test_a_retake_gives_way_to_something_else_and_stays_out_where_there_is_nothing_else():
    # Two takes of 30 words and a weaker clip.
    intervals = [(0, 3, 55.0), (3, 6, 56.0), (6, 9, 45.0)]
    retake = Said(np.array([0, 1]), np.array([0, 0]), np.array([30]))

    assert select_diverse(*columns(intervals), retake, 2).chosen.tolist() == [1, 2]
    assert select_diverse(*columns(intervals[:2]), retake, 2).chosen.tolist() == [1]


def test_a_clip_worth_no_more_than_what_it_repeats_is_left_out():
    even = Said(np.array([0, 1]), np.array([0, 0]), np.array([40 // POINTS_PER_WORD]))

    assert select_diverse(*columns([(0, 3, 50.0), (3, 6, 40.0)]), even, 2).chosen.tolist() == [0]


def test_a_sentence_that_comes_again_in_a_long_clip_is_no_reason_to_lose_it():
    intervals = [(0, 3, 55.0), (3, 6, 56.0)]
    refrain = Said(np.array([0, 1]), np.array([0, 0]), np.array([9]))

    assert select_diverse(*columns(intervals), refrain, 2).chosen.tolist() == [0, 1]
