"""Every run of units of the asked duration, no other."""

import numpy as np
from clipmill_scoring.domain.boundaries import sentence_units
from clipmill_scoring.domain.candidates import candidates
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


@given(timelines(), asks(), st.integers(1, 20))
def test_the_bound_holds_and_keeps_every_beginning_while_it_can(timeline, ask, limit):
    units = sentence_units(timeline, ask.max_s)
    everything = candidates(units, ask.min_s, ask.max_s)

    these = candidates(units, ask.min_s, ask.max_s, limit)

    assert len(these) <= limit
    assert these.found == len(everything)
    beginnings = np.unique(everything.first)
    if len(beginnings) <= limit:
        assert np.array_equal(np.unique(these.first), beginnings)
