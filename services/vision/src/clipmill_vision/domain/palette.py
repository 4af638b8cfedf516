"""The colours that a shot is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Levels a channel: 64 bins.
LEVELS = 4
MOST_COLOURS = 5
# Colours of a smaller part of the picture are left out.
SMALLEST_SHARE = 0.02


@dataclass(frozen=True)
class Colour:
    """The mean of one bin's samples, 8 bits a channel, and their share of all, 0 to 1."""

    red: int
    green: int
    blue: int
    share: float


def colour_sums(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What a palette is made of, to be added up over pictures: per bin its count and channel sums, 64 x 4.

    `picture`: RGB, height x width x 3; every fourth sample of each axis counts.
    """
    samples = picture[::4, ::4].reshape(-1, 3)
    bins = (samples // (256 // LEVELS)) @ np.array([LEVELS**2, LEVELS, 1])
    weights = (None, *samples.T.astype(np.float64))
    return np.stack([np.bincount(bins, weight, LEVELS**3) for weight in weights], axis=1).astype(np.float64)


def palette_of(sums: NDArray[np.float64]) -> list[Colour]:
    """The most frequent colours, the most frequent first."""
    total = sums[:, 0].sum()
    colours = []
    for bin_number in np.argsort(-sums[:, 0], kind="stable")[:MOST_COLOURS]:
        count, *channels = sums[bin_number]
        if total and count / total >= SMALLEST_SHARE:
            red, green, blue = (round(channel / count) for channel in channels)
            colours.append(Colour(red, green, blue, float(count / total)))
    return colours
