"""The schedule of retries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clipmill_shared.bus.backoff import Backoff


def test_waits_grow_by_the_factor_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1, factor=3, longest_s=10)
    assert [backoff.delay_s(failures) for failures in (1, 2, 3, 4)] == [1, 3, 9, 10]


@given(st.integers(1, 10**9))
def test_no_wait_is_longer_than_the_longest(failures: int) -> None:
    assert 0 < Backoff().delay_s(failures) <= Backoff().longest_s
