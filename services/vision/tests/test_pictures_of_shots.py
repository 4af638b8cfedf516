"""What a shot's pictures say of it: hashes, colours, and passages in which there is little to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clipmill_vision.domain.palette import colour_sums, palette_of
from clipmill_vision.domain.passages import Kind, passages_of
from clipmill_vision.domain.phash import NEAR_BITS, distance_bits, earlier_alike, phash
from clipmill_vision.domain.shots import Looks
from clipmill_vision.exchange import Effort, Part, Request, Shown
from clipmill_vision.work import look

from .made_videos import scene

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"


def luma(seed: int) -> np.ndarray:
    return scene(seed)[:, :, 1]


def test_a_picture_made_brighter_smaller_and_noisy_keeps_its_hash() -> None:
    noise = np.random.default_rng(0).normal(0, 6, (90, 160))
    other = np.clip(luma(1)[::2, ::2] * 0.8 + 30 + noise, 0, 255).astype(np.uint8)
    assert distance_bits(phash(luma(1)), phash(other)) <= NEAR_BITS / 2


def test_other_pictures_have_other_hashes() -> None:
    hashes = [phash(luma(seed)) for seed in range(20)]
    apart = [distance_bits(a, b) for number, a in enumerate(hashes) for b in hashes[:number]]
    assert min(apart) > NEAR_BITS
    assert np.mean(apart) == pytest.approx(32, abs=3)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (7, 200), (180, 320)])
def test_a_flat_picture_of_any_size_has_the_hash_0(size: tuple[int, int]) -> None:
    assert phash(np.full(size, 77, np.uint8)) == 0


def test_the_first_earlier_picture_alike_is_named() -> None:
    a, b = phash(luma(1)), phash(luma(2))
    assert earlier_alike([a, b, None, a, b ^ 1, None]) == [None, None, None, 0, 1, None]


def test_a_palette_has_the_colours_by_their_share() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, :40] = (200, 10, 10)
    picture[:, 40:60] = (10, 10, 220)
    first, second, third = palette_of(colour_sums(picture))
    assert (first.red, first.green, first.blue, first.share) == (200, 10, 10, 0.5)
    assert {(c.red, c.blue, c.share) for c in (second, third)} == {(10, 220, 0.25), (0, 0, 0.25)}


def looks_of(levels: list[float], *, moving: bool = True) -> Looks:
    """Ten looks a second at pictures of a mean luma of `levels`, 0 to 1."""
    looks, texture = Looks(), np.random.default_rng(0)
    for number, level in enumerate(levels):
        noise = texture.uniform(-0.5, 0.5, (18, 32)) * level if moving else 0
        looks.add(
            number / 10, np.clip(255 * (level + np.zeros((18, 32)) + noise), 0, 255).astype(np.uint8), full_range=True
        )
    return looks


def test_black_between_two_fades_is_found_with_them() -> None:
    falling, rising = list(np.linspace(0.5, 0.0, 11)), list(np.linspace(0.0, 0.5, 11))
    looks = looks_of([0.5] * 20 + falling + [0.0] * 10 + rising + [0.5] * 20)
    found = {p.kind: p for p in passages_of(looks.all, 7.2)}
    assert set(found) == {Kind.BLACK, Kind.FADE_OUT, Kind.FADE_IN}
    assert (found[Kind.BLACK].start_s, found[Kind.BLACK].end_s) == pytest.approx((2.9, 4.3), abs=0.21)
    assert found[Kind.FADE_OUT].start_s == pytest.approx(2.0, abs=0.21)
    assert found[Kind.FADE_OUT].end_s == found[Kind.BLACK].start_s
    assert found[Kind.FADE_IN].end_s == pytest.approx(5.1, abs=0.21)


def test_black_that_is_cut_to_is_no_fade() -> None:
    found = passages_of(looks_of([0.5] * 10 + [0.0] * 10 + [0.5] * 10).all, 3.0)
    assert [(p.kind, p.start_s, p.end_s) for p in found] == [(Kind.BLACK, 1.0, 2.0)]


def test_a_picture_that_stands_is_frozen_and_one_that_stands_briefly_is_not() -> None:
    (frozen,) = passages_of(looks_of([0.5] * 30, moving=False).all, 3.0)
    assert (frozen.kind, frozen.start_s, frozen.end_s) == (Kind.FROZEN, 0.0, 3.0)
    assert passages_of(looks_of([0.5] * 15, moving=False).all, 1.5) == []
    assert passages_of(looks_of([0.5] * 30).all, 3.0) == []
    assert passages_of([], 1.0) == []


def test_in_the_sample_a_camera_angle_that_returns_is_known_again() -> None:
    # Wide, close guest, close host, close guest.
    request = Request(Part(SAMPLE, 0, 0.0, 0.0, 24.0), Shown(1280, 720, 0), Effort(2.0, 0.65, deblock=False))
    seen = look(request, lambda _: None)
    assert [shot.looks_like for shot in seen.shots] == [None, None, None, 1]
    assert all(shot.palette and shot.start_s <= shot.keyframe_s < shot.end_s for shot in seen.shots)
    assert seen.passages == []
