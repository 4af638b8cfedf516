"""The pitch of a voice: autocorrelation of short frames over that of their window, as in Boersma (1993)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.02
# Three periods of the lowest voice.
FRAME_S = 0.05
LOWEST_HZ = 60.0
HIGHEST_HZ = 500.0
# Below this share of a frame's energy that repeats itself it is unvoiced.
VOICED_AT_LEAST = 0.55
# Of two nearly as strong periods the shorter one is the voice's, the longer one its double.
OCTAVE_COST = 0.05
# Frames this far below the loudest say nothing of the voice.
QUIET_DB = 35.0


def pitches_hz(sound: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The pitch in each STEP_S of `sound`, the first frame at its beginning; NaN where it has none."""
    frame, step = round(FRAME_S * rate_hz), round(STEP_S * rate_hz)
    if len(sound) < frame:
        return np.empty(0, np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(sound, frame)[::step]
    frames: NDArray[np.float32] = (cut - cut.mean(axis=1, keepdims=True)).astype(np.float32)
    window = np.hanning(frame).astype(np.float32)
    shortest, longest = int(rate_hz / HIGHEST_HZ), int(np.ceil(rate_hz / LOWEST_HZ))
    repeats = _autocorrelation(frames * window, longest + 2)
    energy = repeats[:, 0].copy()
    own = _autocorrelation(window[None], longest + 2)[0]
    repeats = repeats / (np.maximum(energy, 1e-12)[:, None] * (own / own[0]))
    lags = np.arange(shortest, longest + 1)
    middle, before, after = repeats[:, lags], repeats[:, lags - 1], repeats[:, lags + 1]
    bend = np.minimum(before - 2 * middle + after, -1e-6)
    aside = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    # Between two lags a peak is higher than at either: without that its double wins where it meets a lag better.
    heights = middle - 0.25 * (before - after) * aside
    peaks = np.where((middle > before) & (middle >= after), heights, -1.0)
    best = np.argmax(peaks - OCTAVE_COST * np.log2(lags * HIGHEST_HZ / rate_hz), axis=1)
    rows = np.arange(len(frames))
    voiced = (peaks[rows, best] >= VOICED_AT_LEAST) & (energy > energy.max() * 10 ** (-QUIET_DB / 10))
    return np.where(voiced, rate_hz / (lags[best] + aside[rows, best]), np.nan).astype(np.float32)


def _autocorrelation(frames: NDArray[np.float32], lags: int) -> NDArray[np.float32]:
    size = 1 << (frames.shape[1] + lags - 1).bit_length()
    spectrum = np.fft.rfft(frames, size, axis=1)
    return np.fft.irfft(np.square(np.abs(spectrum)), size, axis=1)[:, :lags].astype(np.float32)
