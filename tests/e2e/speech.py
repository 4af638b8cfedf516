"""The sound of a video, and its voices as a child of the audio service hears them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.speakers import Speakers
from clipmill_audio.speech_file import RATE_HZ

from clipmill.audio.v1.audio_pb2 import AudioAnalysis


def sound_of(video: Path) -> np.ndarray:
    """16 kHz, mono, 16 bit."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(video)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def heard_in(sound: np.ndarray, start_s: float, end_s: float) -> AudioAnalysis:
    """The voices of a part, and nothing else."""
    samples = sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
    padded = np.pad(samples, (0, -len(samples) % STEP)).astype(np.float32) / 32768
    probabilities = VoiceActivity().probabilities(padded)
    return AudioAnalysis(voices=Speakers(start_s).heard(samples, 0.0, probabilities, STEP / RATE_HZ))
