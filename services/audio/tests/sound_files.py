"""Speech sounds made for a test: 16 kHz mono FLAC, as the import makes them."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000


def write_flac(path: Path, samples: NDArray[np.int16]) -> Path:
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono", format="s16")
        for at in range(0, len(samples), RATE_HZ):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + RATE_HZ], format="s16", layout="mono")
            frame.rate, frame.pts = RATE_HZ, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_wav(path: Path, sound: NDArray[np.float64], rate_hz: int = RATE_HZ) -> Path:
    """A sound of -1..1, [samples] or [samples, channels], as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(as_pcm(sound).tobytes())
    return path


def as_pcm(sound: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)
