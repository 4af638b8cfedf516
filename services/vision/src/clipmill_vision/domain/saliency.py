"""What strikes the eye, where no face says what a picture is about.

What stands out of its own spectrum (X. Hou and L. Zhang, Saliency Detection: A Spectral Residual Approach, CVPR 2007),
and what moves more than the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.means import means

# The grid, whatever the picture's shape.
SIZE = 48
# In 8-bit levels: less is noise.
LEAST_MOTION = 2.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Salience:
    """Shares of what strikes, each of SIZE values with the sum 1: from left to right, and from top to bottom."""

    across: Floats
    down: Floats


class SaliencyFinder:
    """Takes a part's pictures in order of time."""

    def __init__(self) -> None:
        self._before: Floats | None = None

    def of(self, luma: NDArray[np.uint8], *, is_new_shot: bool) -> Salience:
        """`luma`: height x width, upright."""
        small = means(luma, SIZE).astype(np.float64)
        salience = _shares(_spectral_residual(small))
        if self._before is not None and not is_new_shot:
            salience = salience + _shares(_motion(self._before, small))
        self._before = small
        salience = _shares(salience)
        return Salience(salience.sum(axis=0), salience.sum(axis=1))


def mean_of(saliences: Sequence[Salience]) -> Salience | None:
    """Of a shot's pictures; None without any."""
    if not saliences:
        return None
    return Salience(np.mean([s.across for s in saliences], axis=0), np.mean([s.down for s in saliences], axis=0))


def _spectral_residual(luma: Floats) -> Floats:
    spectrum = np.fft.rfft2(luma)
    strength = np.abs(spectrum)
    logarithm = np.log(strength + 1e-3)
    back = np.exp(logarithm - _blurred(logarithm)) * spectrum / np.maximum(strength, 1e-9)
    return _blurred(_blurred(np.fft.irfft2(back, luma.shape) ** 2))


def _motion(before: Floats, luma: Floats) -> Floats:
    changed = np.abs(luma - before)
    # The whole picture's: the camera's.
    return _blurred(np.maximum(changed - np.median(changed) - LEAST_MOTION, 0))


def _blurred(x: Floats) -> Floats:
    """The means of 3 x 3, edges repeated."""
    wide = np.pad(x, 1, mode="edge")
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9


def _shares(x: Floats) -> Floats:
    """With the sum 1; a picture without anything strikes everywhere alike."""
    total = x.sum()
    return x / total if total > 1e-9 else np.full_like(x, 1 / x.size)
