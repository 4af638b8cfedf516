"""When a child that died is started again."""

from hypothesis import given
from hypothesis import strategies as st

from clipmill_cli.restarts import HEALTHY_S, LAST_S, LOOP, Restarts

SHORT = st.floats(0, HEALTHY_S, exclude_max=True)


def lives(*lengths_s: float) -> Restarts:
    restarts = Restarts()
    for lived_s in lengths_s:
        restarts = restarts.after_life_of(lived_s)
    return restarts


def test_the_first_death_is_answered_quickly():
    assert lives(100.0).pause_s == 0.5


def test_pauses_grow_while_it_dies_of_its_start():
    assert [lives(*[1.0] * n).pause_s for n in range(1, 6)] == [0.5, 1, 2, 4, 8]


def test_a_long_life_is_a_new_beginning():
    assert lives(1, 1, 1, 1, 100.0).pause_s == 0.5
    assert not lives(1, 1, 1, 1, 100.0).is_crash_loop


@given(st.lists(SHORT, min_size=LOOP))
def test_short_lives_in_a_row_are_a_crash_loop_that_is_tried_on_for_ever(lengths_s):
    restarts = lives(*lengths_s)
    assert restarts.is_crash_loop
    assert restarts.count == len(lengths_s)
    assert restarts.pause_s <= LAST_S
