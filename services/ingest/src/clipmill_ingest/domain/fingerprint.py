"""A sound's fingerprint: what stays of it through codecs, bitrates, volumes and cuts.

Each STEP_S has 32 bits: has the difference of two neighbouring bands, of 250 to 1,900 Hz, grown over half a second?
The signs of J. Haitsma, T. Kalker, A Highly Robust Audio Fingerprinting System (2002), on a coarser clock.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
BITS = 32
STEP_S = 1 / 16
# Four samples are added up to one: what is above 2 kHz says little of speech after a codec, and costs the most.
_EVERY = 4
_STEP = round(STEP_S * RATE_HZ / _EVERY)
_WINDOW = 1024
_LAG = 8
_EDGES = np.round(np.geomspace(250, 1900, BITS + 2) * _WINDOW * _EVERY / RATE_HZ).astype(int)
_FIRST, _STOP = int(_EDGES[0]), int(_EDGES[-1])
# So far below the loud part of the same sound codecs write noise of their own.
_QUIET_DB = -40.0
_LOUD_PERCENT = 95
# Of the smallest hashes so many are compared first; they are few where a recording is short.
SKETCHED = 1024

Prints = npt.NDArray[np.uint32]


class Ear:
    """Takes in a sound of RATE_HZ, block by block."""

    def __init__(self) -> None:
        self._window = np.hanning(_WINDOW).astype(np.float32)
        self._bands = np.zeros((_STOP - _FIRST, BITS + 1), np.float32)
        for band, (first, stop) in enumerate(pairwise(_EDGES)):
            self._bands[first - _FIRST : stop - _FIRST, band] = 1
        self._rest = np.zeros(0, np.float32)
        self._energies: list[npt.NDArray[np.float32]] = []

    def heard(self, block: npt.NDArray[np.int16]) -> None:
        """The next samples; all blocks but the last have a multiple of four."""
        whole = block[: len(block) // _EVERY * _EVERY].astype(np.float32)
        sound = np.concatenate((self._rest, whole[0::4] + whole[1::4] + whole[2::4] + whole[3::4]))
        steps = max(0, (len(sound) - _WINDOW) // _STEP + 1)
        if steps:
            frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_STEP] * self._window
            spectrum = np.fft.rfft(frames, axis=1)[:, _FIRST:_STOP]
            power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)
            self._energies.append(power @ self._bands)
        self._rest = sound[steps * _STEP :]

    def prints(self) -> Prints:
        """A number for each STEP_S from the beginning; 0 where it is too quiet to say anything."""
        if not self._energies:
            return np.zeros(0, np.uint32)
        energies = np.concatenate(self._energies)
        slopes = -np.diff(np.log(energies + 1.0), axis=1)
        bits = slopes[_LAG:] > slopes[:-_LAG]
        prints = np.packbits(bits, axis=1).view(">u4").ravel().astype(np.uint32)
        levels = energies.sum(axis=1)
        loud = levels > np.percentile(levels, _LOUD_PERCENT) * 10 ** (_QUIET_DB / 10)
        prints[~(loud[_LAG:] & loud[:-_LAG])] = 0
        return prints


def sketch(prints: Prints) -> Prints:
    """The SKETCHED prints whose hashes are smallest, each above the step where it is first: [2, n].

    Two recordings of the same choose the same ones, where their bits are (A. Broder, On the resemblance of documents).
    """
    values, steps = np.unique(prints, return_index=True)
    said = values != 0
    values, steps = values[said], steps[said].astype(np.uint32)
    order = np.argsort(values * np.uint32(0x9E3779B1))[:SKETCHED]
    return np.stack((values[order], steps[order]))
