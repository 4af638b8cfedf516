"""The mouth: where a face's points come from, and how far it is open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.faces import Box

# Points of MediaPipe's face mesh: the inner lips' middles, and the corners of the mouth.
UPPER_LIP, LOWER_LIP, LEFT_CORNER, RIGHT_CORNER = 13, 14, 61, 291
# The mesh is fitted to a square so much larger than the detector's box (MediaPipe's face_landmark_front_cpu).
ENLARGED = 1.5


def opening(points: NDArray[np.float32]) -> float:
    """The gap of the inner lips over the mouth's width, from a face's points (N x 2, square pixels); 0 for closed.

    Free of the face's size and tilt. People differ in its level (a smile shows teeth): compare a face with itself.
    """
    gap = np.linalg.norm(points[UPPER_LIP] - points[LOWER_LIP])
    width = np.linalg.norm(points[LEFT_CORNER] - points[RIGHT_CORNER])
    return float(gap / width) if width > 0 else 0.0


def square_about(box: Box, width: int, height: int) -> Box:
    """The square in a picture of `width` x `height` pixels that holds a face's points; it may leave the picture."""
    side = ENLARGED * max((box.x1 - box.x0) * width, (box.y1 - box.y0) * height)
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    half_x, half_y = side / width / 2, side / height / 2
    return Box(x - half_x, y - half_y, x + half_x, y + half_y)
