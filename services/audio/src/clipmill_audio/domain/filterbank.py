"""What a speaker embedding takes: log energies of 80 mel bands each 10 ms, as Kaldi's fbank computes them.

Hamming windows of 25 ms, their mean removed, pre-emphasis .97, no dither; samples in the range of 16-bit integers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
STEP_S = 0.01
WINDOW_S = 0.025
BANDS = 80
_STEP, _WINDOW, _SPECTRUM = 160, 400, 512
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 8000.0
_PRE_EMPHASIS = 0.97
_LEAST = float(np.finfo(np.float32).eps)

Floats = NDArray[np.float32]


def filterbank(samples: NDArray[np.int16]) -> Floats:
    """Frames x BANDS; frame n is about n * STEP_S + WINDOW_S / 2. None of a sound shorter than a window."""
    if len(samples) < _WINDOW:
        return np.empty((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_STEP].astype(np.float32)
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - _PRE_EMPHASIS * np.concatenate((frames[:, :1], frames[:, :-1]), axis=1)
    power = np.abs(np.fft.rfft(frames * np.hamming(_WINDOW), _SPECTRUM)) ** 2
    return np.asarray(np.log(np.maximum(power @ _bands(), _LEAST)), dtype=np.float32)


@lru_cache(maxsize=1)
def _bands() -> NDArray[np.float64]:
    """Triangles, even on the mel scale: spectrum x BANDS."""
    low, high = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    edges = np.linspace(low, high, BANDS + 2, dtype=np.float64)
    at = _mel(np.arange(_SPECTRUM // 2 + 1) * (RATE_HZ / _SPECTRUM))[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), dtype=np.float64)


def _mel(hz: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log1p(hz / 700.0), dtype=np.float64)
