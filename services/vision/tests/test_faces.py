"""Boxes to faces, faces to tracks."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import numpy as np
import pytest
from clipmill_vision.domain.blazeface import SIZE, anchors, detections, suppress, tiles
from clipmill_vision.domain.faces import MAX_GAP_S, Box, Eyes, Face, Found, iou, tracks_of
from hypothesis import given
from hypothesis import strategies as st

SHARES = st.floats(0, 0.8)
BOXES = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), SHARES, SHARES, st.floats(0.01, 0.2), st.floats(0.01, 0.2)
)
FACES = st.builds(Face, st.integers(0, 40).map(lambda n: n / 4), BOXES, st.floats(0.65, 1))


def face(time_s: float, x: float, size: float = 0.1) -> Face:
    return Face(time_s, Box(x, 0.2, x + size, 0.2 + size), 0.9)


@given(st.lists(FACES, max_size=30), st.lists(st.floats(0, 10), max_size=4).map(sorted))
def test_every_face_is_in_one_track_and_no_track_leaves_its_shot(faces: list[Face], later_shots: list[float]) -> None:
    starts = [0.0, *later_shots]
    tracks = tracks_of(faces, starts)
    key = lambda f: (f.time_s, f.box.x0, f.box.y0, f.box.x1, f.box.y1, f.confidence)  # noqa: E731
    assert sorted((f for track in tracks for f in track), key=key) == sorted(faces, key=key)
    for track in tracks:
        times = [f.time_s for f in track]
        assert all(a < b <= a + MAX_GAP_S for a, b in pairwise(times))
        assert len({bisect_right(starts, t) for t in times}) == 1


def test_two_people_who_move_stay_two_tracks() -> None:
    faces = [f for n in range(8) for f in (face(n / 2, 0.1 + 0.04 * n), face(n / 2, 0.8 - 0.04 * n))]
    left, right = tracks_of(faces, [0.0])
    assert [f.box.x0 for f in left] == pytest.approx([0.1 + 0.04 * n for n in range(8)])
    assert len(right) == 8


def test_a_face_that_jumps_across_the_picture_is_another_one() -> None:
    assert len(tracks_of([face(0.0, 0.1), face(0.5, 0.7)], [0.0])) == 2


def test_a_face_that_is_suddenly_larger_is_another_one() -> None:
    assert len(tracks_of([face(0.0, 0.1, 0.05), face(0.5, 0.1, 0.3)], [0.0])) == 2


def test_a_face_missed_for_a_moment_is_the_same_and_missed_for_long_is_another() -> None:
    assert len(tracks_of([face(0.0, 0.1), face(1.5, 0.1)], [0.0])) == 1
    assert len(tracks_of([face(0.0, 0.1), face(2.0, 0.1)], [0.0])) == 2


def test_a_cut_ends_a_track() -> None:
    assert len(tracks_of([face(0.0, 0.1), face(0.5, 0.1)], [0.0, 0.5])) == 2


def test_anchors_are_the_centres_of_the_cells() -> None:
    centres = anchors()
    assert centres.shape == (896, 2)
    assert centres[0] == pytest.approx([0.5 / 16, 0.5 / 16])
    # Two a cell, row by row: the third is one cell to the right.
    assert centres[2] == pytest.approx([1.5 / 16, 0.5 / 16])
    assert centres[512] == pytest.approx([0.5 / 8, 0.5 / 8])
    assert centres[895] == pytest.approx([7.5 / 8, 7.5 / 8])


def test_a_box_is_relative_to_its_anchor() -> None:
    boxes, scores = np.zeros((896, 16), np.float32), np.full(896, -100, np.float32)
    boxes[600, :8] = 8, -8, 64, 32, -10, 4, 12, 5
    scores[600] = 2
    (found,) = detections(boxes, scores, anchors(), 0.65)
    box = found.box
    x, y = anchors()[600]
    assert (box.x0, box.x1) == pytest.approx((x + (8 - 32) / SIZE, x + (8 + 32) / SIZE))
    assert (box.y0, box.y1) == pytest.approx((y + (-8 - 16) / SIZE, y + (-8 + 16) / SIZE))
    assert (found.eyes.left_x, found.eyes.left_y) == pytest.approx((x - 10 / SIZE, y + 4 / SIZE))
    assert (found.eyes.right_x, found.eyes.right_y) == pytest.approx((x + 12 / SIZE, y + 5 / SIZE))
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-2)))


def found_in(box: Box, confidence: float) -> Found:
    return Found(box, confidence, Eyes(box.x0, box.y0, box.x1, box.y0))


@given(st.lists(st.builds(found_in, BOXES, st.floats(0.5, 1)), max_size=20))
def test_suppression_keeps_the_surest_and_invents_nothing(found: list[Found]) -> None:
    kept = suppress(found)
    confidences = [face.confidence for face in kept]
    assert confidences == sorted(confidences, reverse=True)
    assert set(confidences) <= {face.confidence for face in found}
    assert bool(kept) == bool(found)
    if found:
        assert confidences[0] == max(face.confidence for face in found)
        assert all(min(b.box.x0 for b in found) - 1e-9 <= face.box.x0 < face.box.x1 for face in kept)


def test_overlapping_faces_become_their_weighted_mean() -> None:
    a, b, apart = Box(0.1, 0.1, 0.3, 0.3), Box(0.12, 0.1, 0.32, 0.3), Box(0.6, 0.6, 0.7, 0.7)
    blended, other = suppress([found_in(a, 0.9), found_in(b, 0.6), found_in(apart, 0.7)])
    assert blended.confidence == 0.9
    assert blended.box.x0 == blended.eyes.left_x == pytest.approx((0.1 * 0.9 + 0.12 * 0.6) / 1.5)
    assert other.box == Box(*(pytest.approx(v) for v in (0.6, 0.6, 0.7, 0.7)))


@given(BOXES, BOXES)
def test_overlap_is_symmetric_and_at_most_one(a: Box, b: Box) -> None:
    assert iou(a, b) == pytest.approx(iou(b, a))
    assert 0 <= iou(a, b) <= 1 + 1e-9
    assert iou(a, a) == pytest.approx(1)


@given(st.integers(SIZE, 4 * SIZE), st.booleans())
def test_tiles_cover_the_picture_and_stay_in_it(longer: int, portrait: bool) -> None:
    places = [y if portrait else x for x, y in tiles(*((SIZE, longer) if portrait else (longer, SIZE)))]
    assert places[0] == 0
    assert places[-1] == longer - SIZE
    assert all(b - a <= SIZE // 2 + 1 for a, b in pairwise(places))
