"""Audio and scoring together: who speaks when, on the sample, whose truth tells it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.speakers import Speakers
from clipmill_audio.speech_file import RATE_HZ
from clipmill_scoring.domain.diarization import Diarized, diarize
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from clipmill.audio.v1.audio_pb2 import AudioAnalysis


@pytest.fixture(scope="module")
def sound(sample: Path) -> np.ndarray:
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(sample)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def heard(sound: np.ndarray, start_s: float, end_s: float) -> AudioAnalysis:
    """A part as its child hears it."""
    samples = sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
    activity = VoiceActivity()
    padded = np.pad(samples, (0, -len(samples) % STEP)).astype(np.float32) / 32768
    probabilities = activity.probabilities(padded)
    return AudioAnalysis(voices=Speakers(start_s).heard(samples, 0.0, probabilities, STEP / RATE_HZ))


def error_rate(found: Diarized, truth: dict) -> float:
    said, wanted = Annotation(), Annotation()
    for number, turn in enumerate(found.turns):
        said[Segment(turn.start_s, turn.end_s), number] = f"{turn.speaker}"
    for number, turn in enumerate(truth["turns"]):
        wanted[Segment(turn["start_s"], turn["end_s"]), number] = turn["speaker"]
    return float(DiarizationErrorRate()(wanted, said, uem=None))


@pytest.mark.parametrize("cuts_s", [(), (33.0, 70.0)], ids=["in one part", "in three parts"])
@pytest.mark.filterwarnings("ignore:.*uem.*:UserWarning")
def test_the_two_speakers_are_found_and_sure_however_the_video_is_cut(
    sound: np.ndarray, truth: dict, cuts_s: tuple[float, ...]
) -> None:
    edges = [0.0, *cuts_s, len(sound) / RATE_HZ]
    found = diarize([heard(sound, start_s, end_s) for start_s, end_s in pairwise(edges)])
    assert found is not None
    assert found.speakers == 2
    assert not found.doubt
    # Measured: 2.0 % in one part, collar 0.
    assert error_rate(found, truth) <= 0.05
