"""Every run of units of the asked duration, no other."""

import numpy as np
from clipmill_scoring.domain.boundaries import sentence_units
from clipmill_scoring.domain.candidates import candidates
from clipmill_scoring.domain.spans import merged
from hypothesis import given
from hypothesis import strategies as st
from scoring_talks import asks, timelines


@given(timelines(), asks())
def test_candidates_are_exactly_the_runs_within_the_range(timeline, ask):
    units = sentence_units(timeline, ask.max_s)

    these = candidates(units, ask.min_s, ask.max_s)

    n = len(units)
    runs = [
        (i, j) for i in range(n) for j in range(i, n) if ask.min_s <= units.end_s[j] - units.start_s[i] <= ask.max_s
    ]
    assert list(zip(these.first.tolist(), these.last.tolist(), strict=True)) == runs


@given(timelines(), asks(), st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 30)), min_size=1, max_size=4))
def test_with_ranges_they_are_those_of_them_that_lie_wholly_in_one(timeline, ask, spans):
    units = sentence_units(timeline, ask.max_s)
    everything = candidates(units, ask.min_s, ask.max_s)
    ranges = merged((start_s, start_s + length_s) for start_s, length_s in spans)

    these = candidates(units, ask.min_s, ask.max_s, ranges)

    expected = [
        (start_s, end_s)
        for start_s, end_s in zip(everything.start_s.tolist(), everything.end_s.tolist(), strict=True)
        if any(a <= start_s and end_s <= b for a, b in ranges)
    ]
    assert list(zip(these.start_s.tolist(), these.end_s.tolist(), strict=True)) == expected


def test_ranges_that_overlap_or_touch_become_one():
    assert merged([(5, 9), (0, 2), (2, 3), (8, 12)]) == ((0, 3), (5, 12))


@given(timelines(), asks(), st.integers(1, 20))
def test_the_bound_holds_and_keeps_every_beginning_while_it_can(timeline, ask, limit):
    units = sentence_units(timeline, ask.max_s)
    everything = candidates(units, ask.min_s, ask.max_s)

    these = candidates(units, ask.min_s, ask.max_s, limit=limit)

    assert len(these) <= limit
    assert these.found == len(everything)
    beginnings = np.unique(everything.first)
    if len(beginnings) <= limit:
        assert np.array_equal(np.unique(these.first), beginnings)
