"""No clip's sound is over -1 dBTP, between the samples either, as its listener's player decodes it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, resample_poly, sosfilt

RATE_HZ = 48000


def true_peak_db(sound: np.ndarray) -> float:
    """By ITU-R BS.1770-4, annex 2: the largest sample after oversampling, here eight times."""
    return float(20 * np.log10(np.abs(resample_poly(sound, 8, 1)).max()))


def test_the_meter_finds_a_peak_between_the_samples():
    wave = np.sin(2 * np.pi * RATE_HZ / 4 * np.arange(4800) / RATE_HZ + np.pi / 4)
    assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_db(wave * np.hanning(4800)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_quiet_voice_with_loud_bursts_comes_out_as_loud_as_asked_and_under_the_limit(make_clip, film, seed):
    noise = np.random.default_rng(seed)

    class Bursts(film):
        def _tone(self):
            times = np.arange(round(self._duration_s * RATE_HZ)) / RATE_HZ
            voice = 0.06 * noise.standard_normal(len(times))
            # As a microphone hears them: hardly anything above 8 kHz.
            claps = sosfilt(butter(4, 8000, fs=RATE_HZ, output="sos"), 0.8 * noise.standard_normal(len(times)))
            claps *= (times % 0.5) < 0.01
            return np.clip(voice + claps, -1, 1)[None].astype("f4")

    clip = make_clip(Bursts(frames=75), 0.0, 3.0)
    print(clip.result.loudness_lufs, true_peak_db(clip.sound), 20 * np.log10(np.abs(clip.sound).max()))
    assert abs(clip.result.loudness_lufs + 14) < 1
    assert true_peak_db(clip.sound) <= -1.0
