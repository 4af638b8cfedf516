"""Where a face is between two searches, by its points, which are looked at more often and cost less than a search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.faces import Box, Face, Mouth
from clipmill_vision.domain.mouth import opening, square_about


class Followed:
    """A face as a search found it, and from then on as its points say that it moves."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.box = face.box
        # False where the last look found no face in the picture, or nobody looked.
        self.is_seen = False
        # From the middle of the points to the box's, at the first look after the search.
        self._offset: NDArray[np.float64] | None = None

    def look(self, time_s: float, points: NDArray[np.float32] | None, side: int, width: int, height: int) -> None:
        """`points`: N x 2 in pixels of the square about `box`, which is `side` wide; None: no face. Sizes as shown."""
        if points is None:
            self.is_seen = False
            return
        self.face.mouths.append(Mouth(time_s, opening(points)))
        square = square_about(self.box, width, height)
        middle = np.array([square.x0, square.y0]) + points.mean(axis=0) / side * [square.width, square.y1 - square.y0]
        x0, y0, x1, y1 = self.box.x0, self.box.y0, self.box.x1, self.box.y1
        if self._offset is None:
            self._offset = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) - middle
        x, y = middle + self._offset
        self.is_seen = bool(0 < x < 1 and 0 < y < 1)
        half_x, half_y = (x1 - x0) / 2, (y1 - y0) / 2
        self.box = Box(float(x - half_x), float(y - half_y), float(x + half_x), float(y + half_y))

    def again(self, time_s: float) -> None:
        """It counts as found where it is now."""
        box = Box(*(min(max(side, 0.0), 1.0) for side in (self.box.x0, self.box.y0, self.box.x1, self.box.y1)))
        self.face = replace(self.face, time_s=time_s, box=box, mouths=[], looks=None)
