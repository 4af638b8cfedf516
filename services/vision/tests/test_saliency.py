"""What strikes the eye is where the crop goes when nobody's face is seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from clipmill_vision.domain.saliency import SIZE, Salience, SaliencyFinder, mean_of
from clipmill_vision.exchange import Effort, Part, Request, Shown
from clipmill_vision.work import look
from hypothesis import given, settings
from hypothesis import strategies as st

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"
# A 9:16 crop of a 16:9 picture is so wide.
WINDOW = 81 / 256


def striking(salience: Salience, window: float = WINDOW) -> float:
    """The middle of the window with most in it."""
    edges = np.concatenate([[0], np.cumsum(salience.across)])
    lefts = np.linspace(0, 1 - window, 201)
    grid = np.arange(SIZE + 1) / SIZE
    inside = np.interp(lefts + window, grid, edges) - np.interp(lefts, grid, edges)
    return float(lefts[inside.argmax()] + window / 2)


def ground(seed: int = 0) -> np.ndarray:
    """A quiet ground: a soft gradient with a little noise."""
    noise = np.random.default_rng(seed).normal(0, 2, (144, 256))
    return np.clip(90 + 40 * np.linspace(0, 1, 256) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("x", [20, 110, 200])
@pytest.mark.parametrize("level", [20, 230])
def test_a_thing_on_a_quiet_ground_strikes(x: int, level: int) -> None:
    picture = ground()
    picture[60:90, x : x + 30] = level
    salience = SaliencyFinder().of(picture, is_new_shot=True)
    assert abs(striking(salience) - (x + 15) / 256) < WINDOW / 2
    assert np.argmax(salience.down) / SIZE == pytest.approx(75 / 144, abs=0.15)


def test_what_moves_strikes_more_than_what_stands() -> None:
    finder = SaliencyFinder()
    for n in range(2):
        picture = ground(n)
        picture[60:90, 20:50] = 200
        picture[60 + 6 * n : 90 + 6 * n, 200:230] = 200
        salience = finder.of(picture, is_new_shot=n == 0)
    assert striking(salience) == pytest.approx(215 / 256, abs=WINDOW / 2)


def test_across_a_cut_nothing_moves() -> None:
    left, right = ground(), ground()
    left[60:90, 20:50] = right[60:90, 200:230] = 230
    alone = SaliencyFinder().of(right, is_new_shot=True)
    finder = SaliencyFinder()
    finder.of(left, is_new_shot=True)
    assert finder.of(right, is_new_shot=True).across == pytest.approx(alone.across)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 255), st.booleans())
@settings(max_examples=30)
def test_shares_of_any_picture_add_up(height: int, width: int, level: int, flat: bool) -> None:
    noise = np.random.default_rng(level).integers(0, 256, (height, width), dtype=np.uint8)
    finder = SaliencyFinder()
    for new in (True, False):
        salience = finder.of(np.full_like(noise, level) if flat else noise, is_new_shot=new)
        for shares in (salience.across, salience.down):
            assert len(shares) == SIZE
            assert shares.sum() == pytest.approx(1)
            assert (shares >= 0).all()


def test_of_no_pictures_nothing_is_said() -> None:
    assert mean_of([]) is None


def test_in_the_sample_the_striking_part_of_each_shot_has_a_face_though_nobody_looked_for_one() -> None:
    request = Request(Part(SAMPLE, 0, 0.0, 0.0, 40.0), Shown(1280, 720, 0), Effort(2.0, 0.65, deblock=False))
    shots = look(request, lambda _: None).shots
    faces = json.loads(SAMPLE.with_suffix(".truth.json").read_text())["faces"]
    hits = centre = total = 0
    for entry in (e for e in faces if e["t_s"] < 40 and e["boxes"]):
        shot = next(s for s in shots if s.start_s <= entry["t_s"] < s.end_s)
        middles = [(box["x0"] + box["x1"]) / 2 for box in entry["boxes"]]
        total += 1
        hits += any(abs(x - striking(shot.salience)) < WINDOW / 2 for x in middles)
        centre += any(abs(x - 0.5) < WINDOW / 2 for x in middles)
    # The picture's centre has a face in two of three frames.
    assert centre < 0.8 * total
    assert hits == total
