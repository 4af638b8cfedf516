"""What timestamps say: the clock, the rate, and whether they can be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_ingest.domain.timing import Timing, timing_of

MS = 0.001


def timing(pts: list[int], dts: list[int] | None = None, last: int = 40) -> Timing:
    found = timing_of(
        np.array(pts), np.array(dts or sorted(pts)), np.array([n % 5 == 0 for n in range(len(pts))]), last, MS
    )
    assert found is not None
    return found


def test_a_steady_stream_in_coding_order() -> None:
    found = timing([80, 200, 120, 160, 240])
    assert (found.start_s, found.end_s) == (0.08, pytest.approx(0.28))
    assert found.fps == pytest.approx(25)
    assert not found.is_variable
    assert not found.goes_back


def test_rounding_to_milliseconds_is_no_change_of_rate() -> None:
    assert not timing([round(n * 1000 / 30) for n in range(300)]).is_variable
    assert not timing([round(n * 1000 / 29.97) for n in range(300)]).is_variable


def test_a_change_of_rate_in_the_middle_is_one() -> None:
    assert timing([n * 40 for n in range(100)] + [4000 + n * 33 for n in range(1, 100)]).is_variable


def test_decoding_times_that_repeat_go_back() -> None:
    assert timing([0, 40, 80], dts=[0, 40, 40]).goes_back


def test_one_frame_lasts_as_long_as_its_container_says() -> None:
    found = timing([0], last=500)
    assert (found.end_s, found.fps) == (0.5, 2)


def test_no_frame_has_no_timing() -> None:
    empty = np.zeros(0, np.int64)
    assert timing_of(empty, empty, empty.astype(bool), 0, MS) is None
