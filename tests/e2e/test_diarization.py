"""Audio and scoring together: who speaks when, on the sample, whose truth tells it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.speech_file import RATE_HZ
from clipmill_scoring.domain.diarization import Diarized, diarize
from e2e.speech import heard_in, sound_of
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate


@pytest.fixture(scope="module")
def sound(sample: Path) -> np.ndarray:
    return sound_of(sample)


def truth_of(turns: list[dict]) -> Annotation:
    wanted = Annotation()
    for number, turn in enumerate(turns):
        wanted[Segment(turn["start_s"], turn["end_s"]), number] = turn["speaker"]
    return wanted


def error_rate(found: Diarized, wanted: Annotation) -> float:
    """Without a collar, overlap counted."""
    said = Annotation()
    for number, turn in enumerate(found.turns):
        said[Segment(turn.start_s, turn.end_s), number] = f"{turn.speaker}"
    return float(
        DiarizationErrorRate()(
            wanted, said, uem=Timeline([wanted.get_timeline().extent() | said.get_timeline().extent()])
        )
    )


@pytest.mark.parametrize("cuts_s", [(), (33.0, 70.0)], ids=["in one part", "in three parts"])
def test_the_two_speakers_are_found_and_sure_however_the_video_is_cut(
    sound: np.ndarray, truth: dict, cuts_s: tuple[float, ...]
) -> None:
    edges = [0.0, *cuts_s, len(sound) / RATE_HZ]
    found = diarize([heard_in(sound, start_s, end_s) for start_s, end_s in pairwise(edges)])
    assert found is not None
    assert found.speakers == 2
    assert not found.doubt
    # Measured: 2.0 % in one part, collar 0.
    assert error_rate(found, truth_of(truth["turns"])) <= 0.05


@pytest.mark.media
@pytest.mark.parametrize("name", ["sample", "dev00", "tst00"])
def test_real_recordings_are_right_or_said_to_be_doubtful(media: Path, name: str) -> None:
    sound = sound_of(media / f"{name}.wav")
    found = diarize([heard_in(sound, 0.0, len(sound) / RATE_HZ)])
    assert found is not None
    wanted = Annotation()
    for file in ("sample.rttm", "meetings.rttm"):
        for number, line in enumerate((media / file).read_text(encoding="utf-8").splitlines()):
            _, recording, _, start_s, length_s, _, _, speaker, *_ = line.split()
            if recording == name:
                wanted[Segment(float(start_s), float(start_s) + float(length_s)), number] = speaker
    # Measured: 8.4 % on the telephone, where it must not doubt; 55 and 58 % in the meetings, where it does.
    assert (error_rate(found, wanted) <= 0.12 and not found.doubt) if name == "sample" else found.doubt
