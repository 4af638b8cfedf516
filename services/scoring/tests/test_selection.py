"""The selection is the exact optimum."""

from itertools import combinations

import numpy as np
from clipmill_scoring.domain.selection import most_disjoint, select
from hypothesis import given
from hypothesis import strategies as st

# Few distinct times, so that intervals touch, repeat and nest often.
_INTERVALS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 8), st.integers(0, 1000)).map(
        lambda t: (t[0], t[0] + t[1], t[2] / 100)
    ),
    max_size=9,
)


def columns(intervals):
    table = np.array(intervals, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def disjoint(intervals) -> bool:
    return all(a[1] <= b[0] or b[1] <= a[0] for a, b in combinations(intervals, 2))


def best_by_trying_all(intervals, at_most: int) -> int:
    sets = (chosen for n in range(min(at_most, len(intervals)) + 1) for chosen in combinations(intervals, n))
    return max(round(100 * sum(each[2] for each in chosen)) for chosen in sets if disjoint(chosen))


@given(_INTERVALS, st.integers(0, 5))
def test_no_other_set_of_at_most_n_intervals_without_overlap_scores_more(intervals, at_most):
    chosen = [intervals[k] for k in select(*columns(intervals), at_most)]

    assert len(chosen) <= at_most
    assert disjoint(chosen)
    assert chosen == sorted(chosen)
    assert round(100 * sum(each[2] for each in chosen)) == best_by_trying_all(intervals, at_most)


@given(_INTERVALS)
def test_most_disjoint_counts_the_largest_set_without_overlap(intervals):
    largest = max(n for n in range(len(intervals) + 1) if any(disjoint(c) for c in combinations(intervals, n)))

    assert most_disjoint(*columns(intervals)[:2]) == largest


def test_one_more_clip_may_not_help_where_two_more_do():
    # One long one is worth two short ones, but not three.
    intervals = [(0, 3, 10.0), (0, 1, 5.0), (1, 2, 5.0), (2, 3, 5.0)]

    assert select(*columns(intervals), 2).tolist() == [0]
    assert select(*columns(intervals), 3).tolist() == [1, 2, 3]


def test_of_equal_sets_the_one_that_ends_first_is_taken():
    assert select(*columns([(5, 9, 7.0), (0, 4, 7.0), (2, 6, 7.0)]), 1).tolist() == [1]
