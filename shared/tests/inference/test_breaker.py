"""The circuit breaker: opens after failures in a row, lets one try after its pause, closes when that one succeeds."""

from clipmill_shared.inference.breaker import Breaker


def test_it_opens_after_failures_in_a_row_and_lets_one_try_after_its_pause():
    now = [0.0]
    breaker = Breaker(2, 1.0, lambda: now[0])
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.lets_through()
    breaker.failed()
    assert not breaker.lets_through()
    now[0] = 1.0
    assert breaker.lets_through()
    assert not breaker.lets_through()
    breaker.failed()
    now[0] = 1.9
    assert not breaker.lets_through()
    now[0] = 2.0
    assert breaker.lets_through()
    breaker.succeeded()
    assert breaker.lets_through()
    assert breaker.lets_through()


def test_a_try_that_never_ends_does_not_keep_it_open_for_ever():
    now = [0.0]
    breaker = Breaker(1, 1.0, lambda: now[0])
    breaker.failed()
    now[0] = 1.0
    assert breaker.lets_through()
    now[0] = 2.0
    assert breaker.lets_through()
