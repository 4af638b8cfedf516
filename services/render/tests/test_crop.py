"""The window holds the face, stands still when it can, moves gently when it must, and jumps only where a shot ends."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_render.domain import crop
from clipmill_render.domain.crop import CropPath, crop_path
from clipmill_render.domain.faces import Face, Shot, followed, joined_shots
from clipmill_render.domain.layout import layout_for
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipmill.clips.v1.clips_pb2 import ASPECT_1_1, ASPECT_9_16, ASPECT_16_9, ASPECT_SOURCE
from clipmill.common.v1.common_pb2 import PROFILE_BEST, PROFILE_FAST

FPS = 25
VERTICAL = layout_for(ASPECT_9_16, PROFILE_FAST, 1280, 720)


def face(time_s: float, x: float, size: float = 0.1) -> Face:
    return Face(time_s, x - size / 2, 0.3, x + size / 2, 0.3 + size, 0.9)


def track(xs: list[float], start_s: float = 0.0, step_s: float = 0.2, size: float = 0.1) -> list[Face]:
    return [face(start_s + n * step_s, x, size) for n, x in enumerate(xs)]


def middles(path: CropPath, duration_s: float) -> np.ndarray:
    return path.frames(round(duration_s * FPS), FPS)


walks = st.lists(st.floats(0.05, 0.95), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(walks, st.floats(0.1, 0.4), st.floats(3, 9))
# Moves at once in a shot that begins between two frames: the first step was shorter than the next.
@example([0.1, 0.9] * 20, 0.38, 3.376)
@example(list(np.linspace(0.05, 0.95, 39)), 0.3, 8.3389)
def test_the_window_never_leaves_the_picture_and_never_hurries(xs: list[float], step_s: float, cut_s: float):
    shots = [Shot(0, cut_s), Shot(cut_s, 16)]
    path = crop_path(VERTICAL, shots, [track(xs, step_s=step_s)])
    window = VERTICAL.window
    found = middles(path, 16)
    assert (found >= window / 2 - 1e-9).all()
    assert (found <= 1 - window / 2 + 1e-9).all()
    border = round(cut_s * FPS)
    for shot in (found[:border], found[border:]):
        assert np.abs(np.diff(shot) * FPS).max(initial=0) <= crop.MAX_SPEED * window * 1.001
        assert np.abs(np.diff(shot, 2) * FPS**2).max(initial=0) <= crop.MAX_ACCELERATION * window * 1.001
        assert np.abs(np.diff(shot, 3) * FPS**3).max(initial=0) <= crop.MAX_JERK * window * 1.01


def test_a_face_that_hardly_moves_gets_a_window_that_does_not_move_at_all():
    jitter = np.random.default_rng(1).uniform(-0.03, 0.03, 50)
    path = crop_path(VERTICAL, [Shot(0, 10)], [track(list(0.6 + jitter))])
    assert not path.moves
    assert abs(middles(path, 10)[0] - 0.6) < 0.03


def test_a_face_that_walks_is_followed_and_stays_in_the_window():
    xs = list(np.linspace(0.2, 0.8, 51))
    path = crop_path(VERTICAL, [Shot(0, 10)], [track(xs)])
    found = middles(path, 10)[::5][:50]
    assert np.abs(found - np.clip(xs[:50], VERTICAL.window / 2, 1)).max() <= 0.2 * VERTICAL.window


def test_a_face_that_walks_and_stops_lets_the_window_stop():
    xs = [0.3] * 20 + list(np.linspace(0.3, 0.7, 15)) + [0.7] * 20
    found = middles(crop_path(VERTICAL, [Shot(0, 11)], [track(xs)]), 11)
    assert np.ptp(found[:60]) < 0.002
    assert np.ptp(found[-60:]) < 0.002
    assert (np.diff(found) > -1e-4).all()


def test_the_window_jumps_at_a_shot_change_in_the_very_frame():
    shots = [Shot(0, 2), Shot(2, 4)]
    found = middles(crop_path(VERTICAL, shots, [track([0.25] * 10), track([0.75] * 10, 2.0)]), 4)
    assert found[:50] == pytest.approx(0.25)
    assert found[50:] == pytest.approx(0.75)


def test_of_two_faces_far_apart_one_is_shown_and_never_the_wall_between_them():
    near, far = track([0.2] * 50, size=0.2), track([0.8] * 50, size=0.1)
    found = middles(crop_path(VERTICAL, [Shot(0, 10)], [far, near]), 10)
    assert found == pytest.approx(0.2)


def test_a_face_seen_throughout_outweighs_a_larger_one_that_passes_by():
    steady, passing = track([0.3] * 50), track([0.7] * 8, 4.0, size=0.15)
    assert {round(f.centre_x, 2) for f in followed([passing, steady], Shot(0, 10))} == {0.3}


def test_a_person_lost_and_found_again_is_one_person():
    first, again = track([0.3] * 10), track([0.32] * 5, 4.0)
    other = track([0.8] * 4, 2.2)
    kept = {round(f.centre_x, 2) for f in followed([first, again, other], Shot(0, 6))}
    assert kept == {0.3, 0.32}


def test_when_the_leading_face_has_gone_whoever_stays_is_shown():
    found = middles(crop_path(VERTICAL, [Shot(0, 12)], [track([0.2] * 25, size=0.2), track([0.8] * 30, 6.0)]), 12)
    assert found[60] == pytest.approx(0.2, abs=0.05)
    assert found[-50] == pytest.approx(0.8, abs=0.05)


def test_without_a_face_the_centre_is_shown_and_the_time_is_known():
    path = crop_path(VERTICAL, [Shot(0, 1), Shot(1, 2), Shot(2, 4)], [track([0.2] * 10, 2.0)])
    assert middles(path, 4)[:50] == pytest.approx(0.5)
    assert path.at_centre == (Shot(0, 2),)


def test_a_seam_of_the_analysis_is_no_shot_change():
    shots = [(Shot(-3, 2), False), (Shot(2, 5), True), (Shot(5, 20), False)]
    assert joined_shots(shots, 8.0) == [Shot(0.0, 5), Shot(5, 8.0)]


def test_in_a_tall_source_the_window_moves_up_and_down_with_room_above_the_head():
    layout = layout_for(ASPECT_1_1, PROFILE_FAST, 720, 1280)
    found = middles(crop_path(layout, [Shot(0, 2)], [track([0.5] * 10)]), 2)
    assert not layout.horizontal
    assert 0.35 < found[0] < 0.45


@pytest.mark.parametrize(
    ("aspect", "profile", "shown", "size", "limited"),
    [
        (ASPECT_9_16, PROFILE_FAST, (1280, 720), (720, 1280), False),
        (ASPECT_9_16, PROFILE_BEST, (1920, 1080), (1080, 1920), False),
        (ASPECT_9_16, PROFILE_BEST, (1280, 720), (810, 1440), True),
        (ASPECT_9_16, PROFILE_FAST, (720, 1280), (720, 1280), False),
        (ASPECT_1_1, PROFILE_FAST, (1280, 720), (720, 720), False),
        (ASPECT_16_9, PROFILE_BEST, (1080, 1920), (1920, 1080), False),
        (ASPECT_SOURCE, PROFILE_FAST, (1921, 1081), (1280, 720), False),
        (ASPECT_SOURCE, PROFILE_BEST, (322, 182), (322, 182), False),
    ],
)
def test_sizes(aspect: int, profile: int, shown: tuple[int, int], size: tuple[int, int], limited: bool):
    layout = layout_for(aspect, profile, *shown)
    assert (layout.width, layout.height) == size
    assert layout.limited == limited


@given(
    st.sampled_from([ASPECT_9_16, ASPECT_1_1, ASPECT_16_9, ASPECT_SOURCE]), st.integers(16, 5000), st.integers(16, 5000)
)
def test_a_layout_is_even_inside_the_picture_and_never_enlarges_more_than_twice(aspect: int, width: int, height: int):
    layout = layout_for(aspect, PROFILE_BEST, width, height)
    assert layout.width % 2 == layout.height % 2 == 0
    assert max(layout.window_width, layout.window_height) == 1.0
    assert 0 < layout.window <= 1.0
    assert layout.enlargement <= (1.0 if aspect == ASPECT_SOURCE else 2.0)
