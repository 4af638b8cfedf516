"""Where a picture has text, by the model that models/ defines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipmill_models.text_areas.definition import MODEL
from clipmill_shared.inference.apart import infer
from clipmill_vision.domain.text_areas import Text, areas_of


def text_areas(picture: NDArray[np.uint8]) -> Text:
    """The lines of text in `picture`: RGB, upright. 35 ms for 512 x 288."""
    return areas_of(infer(MODEL, {"image": np.ascontiguousarray(picture)[None]})["text"][0])
