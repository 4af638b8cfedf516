"""Slides, shared screens and titles: pictures that were drawn, not filmed.

What is drawn has a ground of one exact level; a lens and a sensor give none, but where they clip to black. Measured as
the share of the most frequent level of green, give or take one: see the README.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Of the picture: drawn ones have .53 and more, filmed ones at most .13, or .52 where they clip to black.
LEAST_GROUND = 0.45
# Darker grounds, in 8-bit levels, may be clipped; then more is asked for.
CLIPPED, LEAST_CLIPPED_GROUND = 4, 0.75
# Something is written or drawn on it: the share of neighbours that differ by so many levels. Drawn: .018 to .12.
EDGE, LEAST_EDGES = 24, 0.005


def is_drawn(green: NDArray[np.uint8]) -> bool:
    """`green`: height x width, 8 bits, of the size of the face search."""
    counts = np.convolve(np.bincount(green.ravel(), minlength=256), [1, 1, 1], "same")
    level = int(counts.argmax())
    least = LEAST_GROUND if level > CLIPPED else LEAST_CLIPPED_GROUND
    if counts[level] < least * green.size:
        return False
    edges = np.abs(np.diff(green.astype(np.int16), axis=1)) > EDGE
    return bool(edges.mean() >= LEAST_EDGES)
