"""What is a cut, and what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_vision.domain.cuts import MIN_SHOT_S, CutFinder
from clipmill_vision.domain.dissolves import EVERY_S, DissolveFinder
from hypothesis import given, settings
from hypothesis import strategies as st

from .made_videos import Picture, gray_thumbnail, scene, steady


def cuts_in(pictures: list[Picture], times_s: list[float], end_s: float | None = None) -> list[float]:
    finder = CutFinder()
    for time_s, picture in zip(times_s, pictures, strict=True):
        finder.add(time_s, gray_thumbnail(picture))
    return finder.finish(times_s[-1] + 0.04 if end_s is None else end_s)


def waves(shift: float) -> Picture:
    """A smooth picture, as an unsharp background is."""
    row = 128 + 100 * np.sin(np.arange(320) * 2 * np.pi / 320 + shift)
    return np.broadcast_to(row[None, :, None], (180, 320, 3)).astype(np.uint8)


def dissolves_in(pictures: list[Picture], times_s: list[float]) -> list[float]:
    finder = DissolveFinder()
    for time_s, picture in zip(times_s, pictures, strict=True):
        finder.add(time_s, gray_thumbnail(picture).luma)
    return finder.finish([])


def mixed(a: Picture, b: Picture, share: float) -> Picture:
    return np.rint(a * (1 - share) + b * share).astype(np.uint8)


def panned(picture: Picture, pixels: int) -> Picture:
    return np.roll(picture, pixels, axis=1)


def test_each_cut_is_found_at_the_first_frame_of_its_shot() -> None:
    times = steady(60)
    pictures = [scene(1)] * 20 + [scene(2)] * 30 + [scene(3)] * 10
    assert cuts_in(pictures, times) == [times[20], times[50]]


@given(
    lengths=st.lists(st.integers(8, 30), min_size=2, max_size=6),
    fps=st.sampled_from([12.0, 24.0, 25.0, 29.97, 50.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_cuts_between_unlike_scenes_are_found_at_any_frame_rate(lengths: list[int], fps: float, seed: int) -> None:
    lengths = [round(length * fps / 25 + 4) for length in lengths]
    pictures = [scene(seed + shot, 160, 90) for shot, length in enumerate(lengths) for _ in range(length)]
    times = steady(len(pictures), fps)
    expected = [times[sum(lengths[: shot + 1])] for shot in range(len(lengths) - 1)]
    found = cuts_in(pictures, times, times[-1] + 1 / fps)
    # A last shot shorter than a shot may be is part of the one before.
    assert found == [cut for cut in expected if times[-1] + 1 / fps - cut >= MIN_SHOT_S]


def test_a_cut_is_found_in_a_slide_show_of_a_frame_every_few_seconds() -> None:
    assert cuts_in([scene(1), scene(1), scene(2), scene(2)], [0.0, 3.0, 4.5, 9.0], 10.0) == [4.5]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length: int) -> None:
    white = np.full_like(scene(1), 255)
    assert cuts_in([scene(1)] * 20 + [white] * length + [scene(1)] * 20, steady(40 + length)) == []


@pytest.mark.parametrize("pixels", [6, 20, 60])
def test_a_moving_camera_is_no_cut(pixels: int) -> None:
    still, moving = [scene(1)] * 10, [panned(scene(1), pixels * n) for n in range(30)]
    assert cuts_in(still + moving, steady(40)) == []


def test_no_shot_is_too_short_to_be_one() -> None:
    times = steady(60)
    pictures = [scene(1)] * 30 + [scene(2)] * 27 + [scene(3)] * 3
    assert cuts_in(pictures, times) == [times[30]]


def test_a_cut_within_motion_is_found() -> None:
    pictures = [panned(scene(1), 4 * n) for n in range(20)] + [panned(scene(2), 4 * n) for n in range(20)]
    assert cuts_in(pictures, steady(40)) == [steady(40)[20]]


def test_the_first_frame_of_a_shot_looks_new_at_once() -> None:
    finder = CutFinder()
    looks_new = [finder.add(n * 0.04, gray_thumbnail(scene(1 if n < 10 else 2))) for n in range(20)]
    assert [n for n, new in enumerate(looks_new) if new] == [0, 10]


def test_a_picture_of_another_size_is_another_picture() -> None:
    assert cuts_in([scene(1)] * 10 + [scene(1, 160, 90)] * 10, steady(20)) == [steady(20)[10]]


@pytest.mark.parametrize("length_s", [0.5, 0.8, 1.2])
def test_a_dissolve_is_found_at_its_middle(length_s: float) -> None:
    times = steady(60, 1 / EVERY_S)
    pictures = [mixed(scene(1), scene(2), min(max((t - 2) / length_s, 0), 1)) for t in times]
    assert dissolves_in(pictures, times) == [pytest.approx(2 + length_s / 2, abs=0.25)]


def test_a_fade_from_black_begins_a_shot() -> None:
    times = steady(40, 1 / EVERY_S)
    pictures = [mixed(np.zeros_like(scene(2)), scene(2), min(max(t - 1, 0), 1)) for t in times]
    assert dissolves_in(pictures, times) == [pytest.approx(1.5, abs=0.25)]


@pytest.mark.parametrize(
    "pictures",
    [
        [panned(scene(1), 7 * n) for n in range(40)],
        [waves(0.04 * n) for n in range(40)],
        [waves(0.3 * n) for n in range(40)],
        [mixed(scene(1) // 3, scene(1), min(n / 20, 1)) for n in range(40)],
        [scene(1)] * 20 + [scene(2)] * 20,
    ],
    ids=[
        "a moving camera",
        "a slow pan over a gradient",
        "a quick pan over a gradient",
        "light that grows",
        "a hard cut",
    ],
)
def test_is_no_dissolve(pictures: list[Picture]) -> None:
    assert dissolves_in(pictures, steady(40, 1 / EVERY_S)) == []
