"""Short-time level: root mean square in dB relative to full scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.1
FLOOR_DB = -90.0


def rms_db(samples: NDArray[np.float32], step: int) -> list[float]:
    """The level of each `step` samples (in -1..1), the last of which may be shorter; at least FLOOR_DB."""
    if not len(samples):
        return []
    starts = np.arange(0, len(samples), step)
    lengths = np.diff(np.append(starts, len(samples)))
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts) / lengths
    levels = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return [float(level) for level in levels]
