"""How far a mouth is open."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_vision.domain.faces import Box
from clipmill_vision.domain.mouth import opening, square_about
from clipmill_vision.exchange import Effort, Part, Request, Shown
from clipmill_vision.models.face_landmark import POINTS, SIDE, FaceLandmark
from clipmill_vision.pictures import square
from clipmill_vision.work import look
from hypothesis import given
from hypothesis import strategies as st

from .made_videos import scene

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"
WIDE = Shown(1280, 720, 0)


def points(gap: float, width: float) -> np.ndarray:
    found = np.zeros((POINTS, 2), np.float32)
    found[13], found[14], found[61], found[291] = (0, 0), (0, gap), (-width / 2, gap / 2), (width / 2, gap / 2)
    return found


@given(st.floats(0, 50), st.floats(1, 100), st.floats(0.1, 10), st.floats(0, 2 * np.pi))
def test_an_opening_does_not_depend_on_the_faces_size_or_tilt(gap: float, width: float, size: float, angle: float):
    cos, sin = np.cos(angle), np.sin(angle)
    turned = (size * points(gap, width) @ np.array([[cos, sin], [-sin, cos]]) + 7).astype(np.float32)
    assert opening(turned) == pytest.approx(gap / width, rel=0.01, abs=1e-3)


def test_the_square_about_a_face_is_a_square_in_pixels_with_the_face_in_its_middle() -> None:
    around = square_about(Box(0.4, 0.2, 0.5, 0.4), 1280, 720)
    assert (around.x1 - around.x0) * 1280 == pytest.approx((around.y1 - around.y0) * 720)
    assert ((around.x0 + around.x1) / 2, (around.y0 + around.y1) / 2) == pytest.approx((0.45, 0.3))


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuv444p", "yuv420p10le", "nv12", "rgb24"])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_face_is_cut_out_as_shown_from_any_format_and_turn(form: str, turn: int) -> None:
    picture = scene(3, 320, 180)
    coded = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(picture, turn // 90)), format="rgb24")
    frame = coded.reformat(format=form, dst_color_range="JPEG" if form == "yuvj420p" else "MPEG")
    box = Box(0.5, 0.5, 0.625, 0.5 + 40 / 180)
    found = square(frame, Shown(320, 180, turn), box, 60)
    # A square of 60 pixels about (180, 110).
    wanted = picture[80:140, 150:210]
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.95


def test_a_face_at_the_edge_is_cut_out_with_the_edge_repeated() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 90, np.uint8), format="rgb24")
    found = square(frame, Shown(320, 180, 0), Box(0.0, 0.0, 0.2, 0.3), SIDE)
    assert found.shape == (SIDE, SIDE, 3)
    assert np.ptp(found) <= 2


def test_where_no_face_is_no_mouth_is_seen() -> None:
    assert FaceLandmark().find(np.zeros((SIDE, SIDE, 3), np.uint8)) is None


def test_in_the_sample_a_mouth_moves_while_its_owner_speaks() -> None:
    # The host speaks until 6.9 s, the guest listens; both are seen.
    part = Part(SAMPLE, 0, 0.0, 0.6, 6.8)
    host, guest = look(Request(part, WIDE, Effort(2.0, 0.65, deblock=False)), lambda _: None).tracks
    moves = [np.std([mouth.opening for face in track for mouth in face.mouths]) for track in (host, guest)]
    assert len([mouth for face in host for mouth in face.mouths]) == pytest.approx(31, abs=1)
    # Measured: .026 and .010.
    assert moves[0] > 2 * moves[1]


@pytest.mark.parametrize(("lone_too", "looked_at"), [(True, True), (False, False)])
def test_the_mouth_of_a_lone_face_is_looked_at_only_where_asked(lone_too: bool, looked_at: bool) -> None:
    effort = Effort(2.0, 0.65, deblock=False, mouths_of_lone_faces=lone_too)
    (track,) = look(Request(Part(SAMPLE, 0, 0.0, 7.0, 9.0), WIDE, effort), lambda _: None).tracks
    assert any(face.mouths for face in track) == looked_at
