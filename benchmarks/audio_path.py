"""The audio path beside its bare models: hearing parts in a child process, over a plain loop of the same models.

Both hear the same utterances of the same sound on one core. `ratio` is the median of pairs of runs, one of each kind
by turns, so that a machine that slows down slows both. At most 1.1 is wanted.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from clipmill_audio.domain.activity import speech_ranges
from clipmill_audio.domain.timed import Span
from clipmill_audio.domain.utterances import utterances
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached
from clipmill_audio.models.moonshine import Transcriber
from clipmill_audio.models.silero import VoiceActivity
from clipmill_audio.models.sphinx import Aligner
from clipmill_audio.speech_file import RATE_HZ
from clipmill_audio.work import STEP_S
from numpy.typing import NDArray

from clipmill_shared.compute import Children, Limits

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT.parent / "shared" / "media"
SAMPLE = ROOT / ".venv" / "sample" / "sample.mp4"
NAMES = ("jfk.flac", "sample.wav", "dev00.wav", "tst00.wav", "nasa_13013.mp4")
MINUTES = 5
PART_S = 60
PAIRS = 3


def speech() -> NDArray[np.int16]:
    """MINUTES of 16 kHz speech: the recordings where they are at hand, else the project's sample, repeated."""
    paths = [RECORDINGS / name for name in NAMES if (RECORDINGS / name).exists()] or [SAMPLE]
    return np.resize(np.concatenate([decoded(path) for path in paths]), MINUTES * 60 * RATE_HZ)


def decoded(path: Path) -> NDArray[np.int16]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def write_flac(path: Path, samples: NDArray[np.int16]) -> None:
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono", format="s16")
        for at in range(0, len(samples), RATE_HZ):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + RATE_HZ], format="s16", layout="mono")
            frame.rate, frame.pts = RATE_HZ, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


class BareModels:
    """Seconds that each model takes for a part, called as plainly as it can be."""

    def __init__(self) -> None:
        self._activity, self._transcriber, self._aligner = VoiceActivity(), Transcriber(), Aligner()

    def hear(self, samples: NDArray[np.int16]) -> dict[str, float]:
        sound = samples.astype(np.float32) / np.float32(32768)
        began = time.perf_counter()
        self._activity.begin()
        probabilities = self._activity.probabilities(sound)
        seconds = {"voice_activity_s": time.perf_counter() - began, "transcription_s": 0.0, "alignment_s": 0.0}
        for place in utterances(speech_ranges(probabilities, STEP_S), probabilities, STEP_S):
            first, stop = round(place.start_s * RATE_HZ), round(place.end_s * RATE_HZ)
            began = time.perf_counter()
            text = self._transcriber.text(sound[first:stop])
            seconds["transcription_s"] += time.perf_counter() - began
            began = time.perf_counter()
            self._aligner.align(text.split(), samples[first:stop])
            seconds["alignment_s"] += time.perf_counter() - began
        return seconds


async def measure(folder: Path) -> dict[str, object]:
    samples = speech()
    path = folder / "speech.flac"
    write_flac(path, samples)
    parts = [Span(start_s, start_s + PART_S) for start_s in range(0, MINUTES * 60, PART_S)]
    bare = BareModels()
    children = Children("clipmill_audio.work:hear", slots=1, limits=Limits(niceness=0))
    await children.run(Part(path, Span(0, 5), [Reached(MOONSHINE)]))
    bare.hear(samples[: 5 * RATE_HZ])
    pairs: list[tuple[float, dict[str, float]]] = []
    words = 0
    for _ in range(PAIRS):
        path_s, words = 0.0, 0
        models_s = dict.fromkeys(("voice_activity_s", "transcription_s", "alignment_s"), 0.0)
        for part in parts:
            began = time.perf_counter()
            heard = await children.run(Part(path, part, [Reached(MOONSHINE)]))
            path_s += time.perf_counter() - began
            assert isinstance(heard, Heard)
            words += len(heard.analysis.words)
            for model, seconds in bare.hear(samples[int(part.start_s) * RATE_HZ : int(part.end_s) * RATE_HZ]).items():
                models_s[model] += seconds
        pairs.append((path_s, models_s))
    await children.close()
    ratios = [path_s / sum(models_s.values()) for path_s, models_s in pairs]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "wanted_at_most": 1.1,
        "audio_s": MINUTES * 60,
        "words": words,
        "path_s": round(statistics.median(path_s for path_s, _ in pairs), 2),
        "models_s": round(statistics.median(sum(models_s.values()) for _, models_s in pairs), 2),
        "models": {
            model: round(statistics.median(models_s[model] for _, models_s in pairs), 2) for model in pairs[0][1]
        },
        "path_s_per_video_minute": round(statistics.median(path_s for path_s, _ in pairs) / MINUTES, 3),
        "cores": os.cpu_count(),
        "input": "recordings" if RECORDINGS.is_dir() else "sample",
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder)))))


if __name__ == "__main__":
    main()
