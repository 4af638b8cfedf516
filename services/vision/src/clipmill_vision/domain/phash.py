"""Perceptual hashes: pictures that look alike have hashes that differ in few bits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.means import means

SIZE = 32
BITS_A_SIDE = 8
# Of 64 bits. On the sample, keyframes of one camera angle differ by up to 4, of others by 14 and more.
NEAR_BITS = 10


def phash(luma: NDArray[np.uint8]) -> int:
    """64 bits of a picture, height x width: the signs of its lowest frequencies about their median.

    C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010): a DCT of 32 x 32, of which
    8 x 8 are kept. 0 for a picture of one colour.
    """
    small = means(luma, SIZE)
    low = (_cosines() @ small @ _cosines().T).ravel()
    # The first is the mean; it says nothing of shape.
    if np.ptp(low[1:]) < 1e-2:
        return 0
    bits = low > np.median(low[1:])
    return int("".join("1" if bit else "0" for bit in bits), 2)


def distance_bits(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def earlier_alike(hashes: Sequence[int | None]) -> list[int | None]:
    """For each picture the first earlier one that it looks like, by number; None where it looks like none."""
    found: list[int | None] = []
    for number, mine in enumerate(hashes):
        earlier = ((n, other) for n, other in enumerate(hashes[:number]) if other is not None and mine is not None)
        found.append(next((n for n, other in earlier if distance_bits(other, mine or 0) <= NEAR_BITS), None))
    return found


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """The lowest rows of the DCT-II: BITS_A_SIDE x SIZE."""
    at = np.arange(SIZE) + 0.5
    return np.cos(np.pi / SIZE * np.outer(np.arange(BITS_A_SIDE), at))
