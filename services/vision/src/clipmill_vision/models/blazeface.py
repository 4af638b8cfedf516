"""Faces of a picture by the model that models/ defines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipmill_models.faces.definition import MODEL
from clipmill_shared.inference.apart import infer
from clipmill_vision.domain.blazeface import SIZE, anchors, detections, suppress, tiles
from clipmill_vision.domain.faces import Box, Eyes, Found


class BlazeFace:
    """Finds faces in a picture. One thread."""

    def __init__(self) -> None:
        self._anchors = anchors()
        self._image = np.empty((1, SIZE, SIZE, 3), np.uint8)

    def find(self, picture: NDArray[np.uint8], min_confidence: float) -> list[Found]:
        """Faces of `picture`: RGB, height x width x 3, upright, square pixels, the longer side SIZE.

        Fractions of the picture, boxes cut off at its edges; the surest first.
        """
        height, width = picture.shape[:2]
        top, left = (SIZE - height) // 2, (SIZE - width) // 2
        self._image.fill(0)
        self._image[0, top : top + height, left : left + width] = picture
        found = infer(MODEL, {"image": self._image})
        boxes, scores = found["boxes"][0], found["scores"][0]
        placed = _Placed(-left, -top, width, height)
        faces = [placed.of(face) for face in detections(boxes, scores, self._anchors, min_confidence)]
        inside = [replace(face, box=_cut_off(face.box)) for face in faces]
        return [face for face in inside if face.box.x0 < face.box.x1 and face.box.y0 < face.box.y1]

    def find_closely(self, picture: NDArray[np.uint8], min_confidence: float) -> list[Found]:
        """Faces of a picture whose shorter side is SIZE, in squares: finds faces half as large."""
        height, width = picture.shape[:2]
        return suppress(
            [
                _Placed(left, top, width, height).of(face)
                for left, top in tiles(width, height)
                for face in self.find(picture[top : top + SIZE, left : left + SIZE], min_confidence)
            ]
        )


@dataclass(frozen=True)
class _Placed:
    """Where a square of SIZE lies in a picture, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, face: Found) -> Found:
        """The face of the square as fractions of the picture."""
        box, eyes = face.box, face.eyes
        return Found(
            Box(self._x(box.x0), self._y(box.y0), self._x(box.x1), self._y(box.y1)),
            face.confidence,
            Eyes(self._x(eyes.left_x), self._y(eyes.left_y), self._x(eyes.right_x), self._y(eyes.right_y)),
            face.facing,
        )

    def _x(self, x: float) -> float:
        return (x * SIZE + self.left) / self.width

    def _y(self, y: float) -> float:
        return (y * SIZE + self.top) / self.height


def _cut_off(box: Box) -> Box:
    return Box(*(min(max(side, 0.0), 1.0) for side in (box.x0, box.y0, box.x1, box.y1)))
