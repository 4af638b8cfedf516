"""Whether a face is turned to the camera: six points of a head, turned about its own axes."""

import numpy as np
import pytest
from clipmill_vision.domain.facing import is_facing

# Eyes, nose, mouth, ears, in distances of the ears: to the picture's right, downwards, to the camera.
HEAD = np.array([[-0.23, 0, 0.35], [0.23, 0, 0.35], [0, 0.25, 0.55], [0, 0.47, 0.38], [-0.5, 0.13, 0], [0.5, 0.13, 0]])


def seen(turn: float = 0, nod: float = 0, roll: float = 0, jaw: float = 0, scale: float = 100) -> np.ndarray:
    """Turned to a side, bowed, tilted, by degrees; the mouth opened by a share."""
    y, x, z = np.radians([turn, nod, roll])
    head = HEAD + jaw * np.eye(6)[3][:, None] * [0, 1, 0]
    head = head @ np.array([[1, 0, 0], [0, np.cos(x), np.sin(x)], [0, -np.sin(x), np.cos(x)]]).T
    head = head @ np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]).T
    head = head @ np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]).T
    return scale * head[:, :2] + 300


@pytest.mark.parametrize("pose", [{}, {"turn": 8}, {"turn": -8}, {"roll": 30}, {"jaw": 0.2}, {"nod": -9}, {"scale": 9}])
def test_a_face_towards_the_camera_is_told_also_tilted_speaking_or_small(pose):
    assert is_facing(seen(**pose))


@pytest.mark.parametrize("pose", [{"turn": 35}, {"turn": -35}, {"nod": 25}, {"nod": 25, "jaw": 0.2}, {"turn": 180}])
def test_a_face_to_a_side_or_bowed_is_not(pose):
    assert not is_facing(seen(**pose))


def test_points_that_are_one_are_no_face_to_the_camera():
    assert not is_facing(np.zeros((6, 2)))
