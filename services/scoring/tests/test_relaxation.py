"""What the relaxation leaves out is in no better set, and its bounds are bounds."""

import numpy as np
from clipmill_scoring.domain.relaxation import narrowed
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sets import problem, sets, videos

_SHARES = st.lists(st.floats(0, 1), min_size=4, max_size=4)


@given(videos(), st.integers(1, 4), _SHARES)
@settings(max_examples=100)
def test_no_set_is_worth_more_than_the_bound_at_any_prices(video, at_most, shares):
    part = problem(*video, at_most)
    price = np.rint(part.cost * np.array(shares)).astype(np.int64)

    chosen, bound = part.relaxed(price)

    worths = {each: part.value(np.array(each, np.int64)) for each in sets(video[0], at_most)}
    assert tuple(sorted(chosen.tolist())) in {tuple(sorted(each)) for each in worths}
    assert max(worths.values()) <= bound


@given(videos(), st.integers(1, 4), _SHARES, st.floats(0, 1))
@settings(max_examples=100)
def test_all_that_a_better_set_has_is_said_to_be_able(video, at_most, shares, share):
    part = problem(*video, at_most)
    price = np.rint(part.cost * np.array(shares)).astype(np.int64)
    worths = {each: part.value(np.array(each, np.int64)) for each in sets(video[0], at_most)}
    value = round(share * max(worths.values()))

    able = part.may_beat(value, price)

    assert all(able[list(each)].all() for each, worth in worths.items() if worth > value)


@given(videos(), st.integers(1, 4), st.floats(0, 1))
@settings(max_examples=150)
def test_the_best_set_is_found_or_not_left_out(video, at_most, share):
    part = problem(*video, at_most)
    worths = {each: part.value(np.array(each, np.int64)) for each in sets(video[0], at_most)}
    best = max(worths.values())
    value = round(share * best) - 1

    narrow = narrowed(part, value)

    found = part.value(narrow.found) if narrow.found is not None else value
    assert value <= found <= best
    left = set(narrow.left.tolist())
    assert found == best or any(set(each) <= left for each, worth in worths.items() if worth == best)
