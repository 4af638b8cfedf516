"""Whether a face is turned to the camera, from the points that its detector tells. Where its eyes look is not seen."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

# How far the nose may lie from the middle between the eyes, in halves of their distance: a turn of about 15 degrees.
MOST_TURN = 0.25
# The ears lie so far below the eyes' line at least, in distances of the ears; they rise where a head is bowed, whatever
# the mouth does. Reading heads have 0 (median, 95 % below .06), two who face the camera .14 (95 % above .09).
LEAST_DROP = 0.07


def is_facing(points: Sequence[Sequence[float]]) -> bool:
    """BlazeFace's six points (x, y) of square pixels: eyes, nose, mouth, ears, the picture's left one first."""
    (left_x, left_y), (right_x, right_y), nose, _, left_ear, right_ear = points
    # In plain numbers: an array a face found would cost more than all else that is done with it.
    x, y = right_x - left_x, right_y - left_y
    distance = hypot(x, y)
    if not distance:
        return False
    middle_x, middle_y = (left_x + right_x) / 2, (left_y + right_y) / 2
    turn = 2 * ((nose[0] - middle_x) * x + (nose[1] - middle_y) * y) / distance**2
    ears_x, ears_y = (left_ear[0] + right_ear[0]) / 2 - middle_x, (left_ear[1] + right_ear[1]) / 2 - middle_y
    # Along the eyes' line, and down from it, both times its length.
    width, drop = (right_ear[0] - left_ear[0]) * x + (right_ear[1] - left_ear[1]) * y, ears_y * x - ears_x * y
    return width > 0 and abs(turn) <= MOST_TURN and drop >= LEAST_DROP * width
