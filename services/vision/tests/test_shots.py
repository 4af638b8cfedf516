"""Shots cover the part; their figures are means of what was seen in them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from clipmill_vision.domain.shots import Look, Looks, laplacian_variance, shots_of
from hypothesis import given
from hypothesis import strategies as st

TIMES = st.floats(0, 100, allow_nan=False)


@given(
    start=TIMES, length=st.floats(0.04, 100), boundaries=st.lists(st.floats(-50, 250)), looks=st.lists(TIMES), seam=...
)
def test_shots_cover_the_part_in_order(
    start: float, length: float, boundaries: list[float], looks: list[float], seam: bool
) -> None:
    end = start + length
    shots = shots_of(start, end, boundaries, Looks([Look(t, brightness=0.5) for t in sorted(looks)]), seam=seam)
    assert shots[0].start_s == start
    assert shots[-1].end_s == end
    assert all(shot.start_s < shot.end_s for shot in shots)
    assert all(a.end_s == b.start_s for a, b in pairwise(shots))
    assert [shot.begins_at_seam for shot in shots] == [seam] + [False] * (len(shots) - 1)


def test_a_cut_counts_as_no_motion() -> None:
    looks = Looks()
    dark, bright = np.full((9, 16), 16, np.uint8), np.full((9, 16), 235, np.uint8)
    for time_s, luma in [(0.0, dark), (0.1, dark), (0.2, bright), (0.3, bright)]:
        looks.add(time_s, luma, full_range=False)
    first, second = shots_of(0, 0.4, [0.2], looks, seam=False)
    assert (first.motion, first.brightness) == (0, 0)
    assert (second.motion, second.brightness) == (0, 1)


def test_motion_is_the_mean_change_between_samples() -> None:
    looks = Looks()
    for n in range(5):
        looks.add(n / 10, np.full((9, 16), 51 * n, np.uint8), full_range=True)
    (shot,) = shots_of(0, 1, [], looks, seam=False)
    assert shot.motion == pytest.approx(0.2)
    assert shot.brightness == pytest.approx(0.4)


def test_sharpness_falls_when_a_picture_is_blurred() -> None:
    sharp = np.random.default_rng(1).integers(0, 256, (90, 160), dtype=np.uint8)
    blurred = ((sharp[:, :-1].astype(int) + sharp[:, 1:]) // 2).astype(np.uint8)
    assert 0 < laplacian_variance(blurred) < laplacian_variance(sharp) / 2
    assert laplacian_variance(np.full((90, 160), 99, np.uint8)) == 0
    assert laplacian_variance(np.zeros((2, 2), np.uint8)) == 0
