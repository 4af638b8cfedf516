"""Clips whose edges are sentence ends by the truth, in percent: on the sample, and on readings of other talks.

Readings are made by `.venv-sample/bin/python benchmarks/readings.py TEXTS FOLDER COUNT` and measured where
CLIPMILL_BENCH_READINGS names their folder. Each is heard by the audio service and chosen from by four requests.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached
from clipmill_audio.speech_file import RATE_HZ
from clipmill_scoring.domain.choose import choose
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Timeline, merge
from clipmill_scoring.models.sentences import Sentences
from numpy.typing import NDArray

from benchmarks.audio_path import SAMPLE, decoded, write_flac
from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill_shared.compute import Children

ASKS = (Ask(3, 6, 15), Ask(2, 10, 25), Ask(5, 5, 12), Ask(3, 10, 40))
# An edge may lie in the pause beside the sentence: clips leave up to .3 s of air.
NEAR_S = 0.4


@dataclass(frozen=True)
class Recording:
    """16 kHz samples; when sentences begin and end by the truth, seconds."""

    samples: NDArray[np.int16]
    starts_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]


def recording(samples: NDArray[np.int16], truth: list[dict[str, float]]) -> Recording:
    return Recording(
        samples, np.array([each["start_s"] for each in truth]), np.array([each["end_s"] for each in truth])
    )


def readings() -> list[Recording]:
    folder = os.environ.get("CLIPMILL_BENCH_READINGS", "")
    paths = sorted(Path(folder).glob("*.wav")) if folder else []
    return [recording(recorded(path), json.loads(path.with_suffix(".json").read_text())) for path in paths]


def recorded(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


async def hear(children: Children, samples: NDArray[np.int16], folder: Path) -> AudioAnalysis:
    """What the audio service hears; `folder` is for a file on the way."""
    write_flac(folder / "speech.flac", samples)
    part = Part(folder / "speech.flac", Span(0, len(samples) / RATE_HZ), [Reached(MOONSHINE)])
    heard = await children.run(part)
    assert isinstance(heard, Heard)
    return heard.analysis


def edges(timeline: Timeline, true: Recording, sentences: Sentences) -> list[bool]:
    """Of each beginning and end of the clips that are chosen, whether it is a true sentence's."""
    found = []
    for ask in ASKS:
        for clip in choose("v", timeline, ask, sentences.embed).clips:
            for start_s, end_s in clip.pieces or ((clip.start_s, clip.end_s),):
                found.append(bool(np.abs(true.starts_s - start_s).min() < NEAR_S))
                found.append(bool(np.abs(true.ends_s - end_s).min() < NEAR_S))
    return found


async def measure() -> dict[str, object]:
    sample = recording(decoded(SAMPLE), json.loads(SAMPLE.with_suffix(".truth.json").read_text())["sentences"])
    children, sentences = Children("clipmill_audio.work:hear", slots=1), Sentences()
    table: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, recordings in (("sample", [sample]), ("readings", readings())):
            found: list[bool] = []
            for each in recordings:
                analysis = await hear(children, each.samples, Path(folder))
                found += edges(merge(len(each.samples) / RATE_HZ, [analysis], []), each, sentences)
            if found:
                table[name] = {"edges": len(found), "at_sentence_ends_percent": round(100 * float(np.mean(found)), 1)}
    await children.close()
    return table


def main() -> None:
    print(json.dumps(asyncio.run(measure())))


if __name__ == "__main__":
    main()
