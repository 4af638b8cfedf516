"""A frame made small: every k-th sample of its planes. What shots and motion are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Thumbnail:
    """Luma first, then the chroma planes where there are any; each height x width, 8 bits."""

    planes: Sequence[Plane]

    @property
    def luma(self) -> Plane:
        return self.planes[0]


def change(before: Thumbnail, after: Thumbnail) -> float:
    """Mean absolute difference per sample, in 8-bit levels, summed over the planes: 0 for the same picture.

    Pictures of another size are other pictures: the largest difference.
    """
    if [plane.shape for plane in before.planes] != [plane.shape for plane in after.planes]:
        return 255.0 * len(after.planes)
    return sum(plane_change(a, b) for a, b in zip(before.planes, after.planes, strict=True))


def plane_change(before: Plane, after: Plane) -> float:
    """Mean absolute difference in 8-bit levels."""
    # Stays in 8 bits: four times as fast as a subtraction in 16.
    difference = np.maximum(before, after) - np.minimum(before, after)
    return int(difference.sum(dtype=np.uint32)) / difference.size
