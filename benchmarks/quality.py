"""How right hearing and seeing are: one table, each figure beside what others would give on the same input.

scenedetect, Haar's cascade and the largest face are run here; what recognisers and diarization by others came to on the
same recordings was measured before, and is marked "told". The table goes to standard error, rows to standard output.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiwer
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Part, Reached
from clipmill_audio.speech_file import RATE_HZ
from clipmill_audio.work import hear
from clipmill_scoring.domain.diarization import diarize
from clipmill_scoring.speaking import diarization_of

from benchmarks import diarization, seeing
from benchmarks.audio_path import RECORDINGS, SAMPLE, decoded, write_flac
from tests.e2e.active_speaker import accuracy, by_cast, by_size, cast_in, moments_of, parts_of

JFK = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
# Word error rates in percent of others on the same recordings, measured before: moonshine by itself, pocketsphinx.
WER_TOLD = {"jfk.flac": "4.5, 45.5", "sample.wav": "19.8, 79.0", "the project's sample": "-"}


class Row(dict[str, Any]):
    """What was measured, on what, what came out, and what the baseline gives."""

    def __init__(self, measure: str, on: str, ours: object, baseline: object) -> None:
        super().__init__(measure=measure, on=on, ours=ours, baseline=baseline)


def words() -> Iterator[Row]:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text(encoding="utf-8"))
    said = {"the project's sample": (SAMPLE, " ".join(sentence["text"] for sentence in truth["sentences"]))}
    if RECORDINGS.is_dir():
        turns = (RECORDINGS / "sample.stm").read_text(encoding="utf-8").splitlines()
        said["jfk.flac"] = (RECORDINGS / "jfk.flac", JFK)
        text = " ".join(line.split(None, 5)[5] for line in turns if line.strip())
        said["sample.wav"] = (RECORDINGS / "sample.wav", text)
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, wanted) in said.items():
            samples = decoded(path)
            speech = Path(folder) / "speech.flac"
            write_flac(speech, samples)
            part = Part(speech, Span(0, len(samples) / RATE_HZ), [Reached(MOONSHINE)])
            heard = " ".join(word.text for word in hear(part, lambda _: None).analysis.words)
            rate = round(100 * jiwer.wer(_plain(wanted), _plain(heard)), 1)
            yield Row("word error rate, %", name, rate, f"{WER_TOLD[name]} (told: Moonshine alone, pocketsphinx)")


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower().replace("-", " ")))


def speakers() -> Iterator[Row]:
    ear = diarization.Ear()
    for name, (path, truth) in diarization.recordings().items():
        samples = decoded(path)
        heard = ear.voices(samples, ear.probabilities(samples))
        found = diarize([heard])
        assert found is not None, "somebody speaks in each"
        rates = diarization.error_rates(truth, found, len(samples) / RATE_HZ)
        doubt = ", said to be uncertain" if found.doubt else ""
        baseline = f"{diarization.BASELINES.get(name, '-')} (told: Moonshine)"
        yield Row(
            "diarization error rate, %; collar 0, .25 s",
            name,
            f"{rates['collar_0']}, {rates['collar_0.25']}{doubt}",
            baseline,
        )


def pictures() -> Iterator[Row]:
    found = {"the project's sample": seeing.on_sample()}
    if seeing.RECORDING.exists():
        found["issue-195"] = seeing.on_recording()
    for name, figures in found.items():
        shots, other = figures["shots"], figures["shots by scenedetect"]
        yield Row("shots, F1 (2 frames)", name, _one(shots, "f1"), f"{_one(other, 'f1')} (scenedetect)")
        faces, other = figures["faces"], figures["faces by Haar"]
        yield Row("faces, recall and false ones", name, _faces(faces), f"{_faces(other)} (Haar)")
    people = found["the project's sample"]["people"]
    assert isinstance(people, dict)
    ours = f"{people['switches within a track']} of {people['tracks']}, {people['tracks of another person']} mistaken"
    yield Row("tracks that go over to another person", "the project's sample", ours, "-")


def _one(figures: object, name: str) -> object:
    return figures[name] if isinstance(figures, dict) else figures


def _faces(figures: object) -> object:
    return f"{figures['recall']}, {figures['false']}" if isinstance(figures, dict) else figures


def who_speaks() -> Iterator[Row]:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text(encoding="utf-8"))
    parts, moments = parts_of(SAMPLE, truth["duration_s"]), list(moments_of(truth))
    of_two = [moment for moment in moments if len(moment.middles) == 2]
    samples = decoded(SAMPLE)
    ear = diarization.Ear()
    voices = diarization_of([ear.voices(samples, ear.probabilities(samples))], 0)
    for name, these, told in (("two faces, by mouths", of_two, None), ("any faces, with voices", moments, voices)):
        ours = accuracy(these, by_cast(parts, cast_in(parts, truth, told)))
        largest = accuracy(these, by_size)
        baseline = f"{largest.right} (the largest face)"
        yield Row(
            f"who speaks of those seen, right of {ours.moments}", f"the project's sample, {name}", ours.right, baseline
        )


def main() -> None:
    rows = []
    for measured in (pictures, who_speaks, words, speakers):
        for row in measured():
            rows.append(row)
            print(f"| {' | '.join(map(str, row.values()))} |", file=sys.stderr, flush=True)
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
