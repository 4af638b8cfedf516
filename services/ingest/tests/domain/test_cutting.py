"""A sound that goes on is cut at pauses, by what has passed alone."""

from __future__ import annotations

import numpy as np
from clipmill_ingest.domain.cutting import PAUSE_S, picture_s, sound_cut, sound_s
from hypothesis import given, settings
from hypothesis import strategies as st

STEP_S = 0.02
LOUD_DB, QUIET_DB = -20.0, -60.0


def levels(duration_s: float, *pauses: tuple[float, float]) -> np.ndarray:
    """Speech with pauses in it."""
    at = np.arange(round(duration_s / STEP_S)) * STEP_S
    level = np.full(len(at), LOUD_DB, np.float32)
    for start_s, end_s in pauses:
        level[(at >= start_s) & (at < end_s)] = QUIET_DB
    return level


def test_the_first_pause_after_the_shortest_part_ends_it() -> None:
    level = levels(14, (3, 4), (9, 9.5), (12, 13))
    assert sound_cut(level, STEP_S, 0) is not None
    assert 9 <= sound_cut(level, STEP_S, 0) * STEP_S <= 9.5


def test_a_part_waits_for_its_pause() -> None:
    assert sound_cut(levels(14, (3, 4)), STEP_S, 0) is None


def test_a_pause_that_has_not_lasted_yet_is_none() -> None:
    assert sound_cut(levels(9 + PAUSE_S / 2, (9, 20)), STEP_S, 0) is None


def test_who_does_not_pause_is_cut_at_the_quietest_after_the_longest_part() -> None:
    level = levels(15.5)
    level[round(11 / STEP_S) : round(11.5 / STEP_S)] = LOUD_DB - 10
    assert 11 <= sound_cut(level, STEP_S, 0) * STEP_S <= 11.5


def cuts(level: np.ndarray, pieces: list[int]) -> list[int]:
    """Where a sound is cut that comes in pieces of so many steps."""
    found, known, start = [], 0, 0
    while known < len(level):
        known = min(len(level), known + pieces[len(found) % len(pieces)])
        while (at := sound_cut(level[start:known], STEP_S, start * STEP_S)) is not None:
            start += at
            found.append(start)
    return found


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.floats(0, 45), st.floats(0.1, 3)), max_size=12),
    st.lists(st.integers(1, 400), min_size=1, max_size=5),
)
def test_parts_have_their_length_and_lie_the_same_however_the_sound_comes(pauses, pieces) -> None:
    level = levels(50, *((start_s, start_s + length_s) for start_s, length_s in pauses))
    at = cuts(level, [10])
    shortest_s, longest_s = sound_s(0)
    lengths = np.diff([0, *at]) * STEP_S
    assert np.all(lengths >= shortest_s - STEP_S) and np.all(lengths <= longest_s)
    assert len(level) - at[-1] <= longest_s / STEP_S
    assert cuts(level, pieces) == at


def test_a_job_of_four_hours_has_a_bounded_number_of_parts() -> None:
    def parts(length_s) -> int:
        end_s, count = 0.0, 0
        while end_s < 4 * 3600:
            end_s += length_s(end_s)
            count += 1
        return count

    # With every part as short as it may be.
    assert parts(lambda at_s: sound_s(at_s)[0]) < 1100
    assert parts(picture_s) < 170
