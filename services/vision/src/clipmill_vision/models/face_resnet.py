"""What tells faces apart by the model that models/ defines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipmill_models.face_looks.definition import MODEL
from clipmill_shared.inference.apart import infer


class FaceResnet:
    """dlib's face recognition network. 12 ms a face."""

    def numbers_of(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`picture`: RGB, SIDE x SIDE x 3, the eyes where `people.seat_of` puts them."""
        looks: NDArray[np.float32] = infer(MODEL, {"image": picture[None]})["looks"][0]
        return looks
