"""A picture made small by means."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def means(picture: NDArray[Any], size: int) -> Floats:
    """The picture, height x width, as `size` x `size` means of its pieces."""
    height, width = picture.shape
    small: Floats = _weights(size, height) @ picture.astype(np.float32) @ _weights(size, width).T
    return small


@lru_cache(maxsize=16)
def _weights(size: int, length: int) -> Floats:
    """Rows that each take the mean of a piece, the pieces as even as whole samples allow: a product is the quickest."""
    rows = np.zeros((size, length), np.float32)
    for row in range(size):
        first = row * length // size
        rows[row, first : max((row + 1) * length // size, first + 1)] = 1
    rows /= rows.sum(axis=1, keepdims=True)
    return rows
