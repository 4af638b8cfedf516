"""Who speaks when, beside the truth, and what telling voices apart costs beside hearing words.

Diarization error rates in percent by pyannote.metrics, with its collar of 0 and of .25 s on each side, overlap counted,
over the whole recording; `baseline` is what numbers.md has for the same recording. `uncertain`: no layout rests on it.
Times are of the processor, on one core, the models loaded before.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from clipmill_audio.domain.activity import speech_ranges
from clipmill_audio.domain.utterances import utterances
from clipmill_audio.models.moonshine import Transcriber
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.speakers import Speakers
from clipmill_audio.speech_file import RATE_HZ
from clipmill_scoring.domain.diarization import Diarized, diarize
from numpy.typing import NDArray
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from benchmarks.audio_path import RECORDINGS, SAMPLE, decoded
from clipmill.audio.v1.audio_pb2 import AudioAnalysis

STEP_S = STEP / RATE_HZ
COLLARS_S = (0.0, 0.25)
# moonshine's identify_speakers, in percent; of the meetings only a range is known.
BASELINES = {"sample": "9.4", "dev00": "15 to 73", "tst00": "15 to 73"}


class Ear:
    """Hears as a child of the audio service does, and counts the seconds."""

    def __init__(self) -> None:
        self._activity, self._transcriber = VoiceActivity(), Transcriber()
        self.voices_s = self.words_s = 0.0
        self.voices(np.zeros(RATE_HZ, np.int16), [1.0] * (RATE_HZ // STEP))
        self.voices_s = 0.0

    def probabilities(self, samples: NDArray[np.int16]) -> list[float]:
        self._activity.begin()
        return self._activity.probabilities(
            np.pad(samples, (0, -len(samples) % STEP)).astype(np.float32) / np.float32(32768)
        )

    def voices(self, samples: NDArray[np.int16], probabilities: list[float]) -> AudioAnalysis:
        began = time.process_time()
        heard = AudioAnalysis(voices=Speakers(0.0).heard(samples, 0.0, probabilities, STEP_S))
        self.voices_s += time.process_time() - began
        return heard

    def words(self, samples: NDArray[np.int16], probabilities: list[float]) -> None:
        sound = samples.astype(np.float32) / np.float32(32768)
        began = time.process_time()
        for place in utterances(speech_ranges(probabilities, STEP_S), probabilities, STEP_S):
            self._transcriber.text(sound[round(place.start_s * RATE_HZ) : round(place.end_s * RATE_HZ)])
        self.words_s += time.process_time() - began


def recordings() -> dict[str, tuple[Path, Annotation]]:
    """Every recording whose turns are known."""
    found: dict[str, tuple[Path, Annotation]] = {}
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text(encoding="utf-8"))
    found["the project's sample"] = (SAMPLE, Annotation())
    for number, turn in enumerate(truth["turns"]):
        found["the project's sample"][1][Segment(turn["start_s"], turn["end_s"]), number] = turn["speaker"]
    for name in ("sample.rttm", "meetings.rttm") if RECORDINGS.is_dir() else ():
        for number, line in enumerate((RECORDINGS / name).read_text(encoding="utf-8").splitlines()):
            _, who, _, start_s, length_s, _, _, speaker, *_ = line.split()
            _, turns = found.setdefault(who, (RECORDINGS / f"{who}.wav", Annotation()))
            turns[Segment(float(start_s), float(start_s) + float(length_s)), number] = speaker
    return found


def error_rates(truth: Annotation, said: Diarized, length_s: float) -> dict[str, float]:
    turns = Annotation()
    for number, turn in enumerate(said.turns):
        turns[Segment(turn.start_s, turn.end_s), number] = f"{turn.speaker}"
    whole = Timeline([Segment(0, length_s)])
    return {
        # Its collar is the whole gap, half on each side.
        f"collar_{collar_s:g}": round(100 * DiarizationErrorRate(collar=2 * collar_s)(truth, turns, uem=whole), 1)
        for collar_s in COLLARS_S
    }


def main() -> None:
    ear = Ear()
    results: dict[str, object] = {}
    for name, (path, truth) in recordings().items():
        samples = decoded(path)
        probabilities = ear.probabilities(samples)
        heard = ear.voices(samples, probabilities)
        ear.words(samples, probabilities)
        speakers = len(truth.labels())
        found, given = diarize([heard]), diarize([heard], speakers)
        assert found is not None and given is not None, "somebody speaks in each"
        length_s = len(samples) / RATE_HZ
        results[name] = {
            "speakers": speakers,
            "found": found.speakers,
            "error_pct": error_rates(truth, found, length_s),
            "error_pct_number_given": error_rates(truth, given, length_s),
            "baseline_pct": BASELINES.get(name),
            "confidence": round(found.confidence, 2),
            "uncertain": bool(found.doubt),
        }
    print(
        json.dumps(
            {
                "recordings": results,
                "voices_s": round(ear.voices_s, 2),
                "transcription_s": round(ear.words_s, 2),
                "share_of_transcription": round(ear.voices_s / ear.words_s, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
