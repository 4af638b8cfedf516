"""How right the sound events are: seconds of music and silence found and claimed, and what looking for them costs.

Talk: the project's sample, and the recordings that only developers have. Music and other sounds: what is made here, and
files in the folders `music` and `other` of CLIPMILL_BENCH_SOUNDS (README.md names packages that hold some).
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clipmill_audio.domain import loudness
from clipmill_audio.domain.activity import speech_ranges
from clipmill_audio.domain.timed import Span
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.sounds import Sounds
from clipmill_audio.speech_file import RATE_HZ
from numpy.typing import NDArray

from benchmarks.audio_path import RECORDINGS, SAMPLE, decoded
from clipmill.audio.v1.audio_pb2 import SoundEvent
from clipmill.sound_events import joined

MUSIC, SILENCE = SoundEvent.KIND_MUSIC, SoundEvent.KIND_SILENCE
LENGTH_S = 60
# Of the telephone, and of meetings; none has music. nasa_13013.mp4 has some all through, and is not used: it is short.
TALKS = ("jfk.flac", "sample.wav", "dev00.wav", "tst00.wav")
UNDER_SPEECH_DB = (5, 10, 15, 20)
SILENCES_S = (2.5, 4, 10)
# By its turns (sample.rttm): the line is open, and nobody speaks.
BEFORE_THE_CALL_S = 6.69
# Where nobody speaks in the sample, in samples.
PAUSE = round(3.23 * RATE_HZ)
Pcm = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """A sound, what it is, and where music and silence are in it."""

    kind: str
    sound: Pcm
    truth: Sequence[tuple[int, Span]] = ()


def main() -> None:
    activity = VoiceActivity()
    music, silence = defaultdict[str, Counts](Counts), defaultdict[str, Counts](Counts)
    seconds, cost_s = 0.0, 0.0
    for clip in clips():
        found, looking_s = events(clip.sound, activity)
        cost_s += looking_s
        seconds += len(clip.sound) / RATE_HZ
        music[clip.kind].add(clip, found, MUSIC)
        silence[clip.kind].add(clip, found, SILENCE)
    print(
        json.dumps(
            {
                "music": {kind: counts.shown() for kind, counts in music.items()},
                "music_all": sum(music.values(), Counts()).shown(),
                "silence": {kind: counts.shown() for kind, counts in silence.items() if counts.claimed or counts.true},
                "seconds": round(seconds),
                "cost_s_per_s": round(cost_s / seconds, 5),
                "cost_s_per_s_of_talk": round(cost_of_talk(activity), 5),
                "files": len(files("music")) + len(files("other")),
                "recordings": RECORDINGS.is_dir(),
            }
        )
    )


@dataclass
class Counts:
    """Steps of a tenth of a second."""

    right: int = 0
    claimed: int = 0
    true: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.claimed + other.claimed, self.true + other.true)

    def add(self, clip: Clip, found: Sequence[SoundEvent], kind: int) -> None:
        steps = round(len(clip.sound) / RATE_HZ / loudness.STEP_S)
        claimed = marked(steps, [Span(e.range.start_s, e.range.end_s) for e in found if e.kind == kind])
        true = marked(steps, [span for what, span in clip.truth if what == kind])
        self.right += int(np.sum(claimed & true))
        self.claimed += int(np.sum(claimed))
        self.true += int(np.sum(true))

    def shown(self) -> dict[str, float | None]:
        return {
            "precision": round(self.right / self.claimed, 3) if self.claimed else None,
            "recall": round(self.right / self.true, 3) if self.true else None,
            "true_s": round(self.true * loudness.STEP_S),
            "falsely_claimed_s": round((self.claimed - self.right) * loudness.STEP_S, 1),
        }


def marked(steps: int, spans: Sequence[Span]) -> NDArray[np.bool_]:
    flags = np.zeros(steps, dtype=bool)
    for span in spans:
        flags[round(span.start_s / loudness.STEP_S) : round(span.end_s / loudness.STEP_S)] = True
    return flags


def events(sound: Pcm, activity: VoiceActivity) -> tuple[list[SoundEvent], float]:
    """What is found in a sound, heard as one part and one window, and the processor time of looking for it."""
    pcm = np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)
    heard = pcm.astype(np.float32) / np.float32(32768)
    activity.begin()
    speech = speech_ranges(activity.probabilities(np.pad(heard, (0, -len(heard) % STEP))), STEP / RATE_HZ)
    levels = loudness.rms_db(heard, round(loudness.STEP_S * RATE_HZ))
    began = time.process_time()
    sounds = Sounds(Span(0.0, len(pcm) / RATE_HZ))
    sounds.heard(pcm, 0.0)
    found = joined(sounds.events(levels, speech))
    return found, time.process_time() - began


def cost_of_talk(activity: VoiceActivity) -> float:
    talk = np.resize(_float(SAMPLE), LENGTH_S * RATE_HZ)
    return min(events(talk, activity)[1] for _ in range(3)) / LENGTH_S


def clips() -> Iterator[Clip]:
    talk = np.resize(_float(SAMPLE), LENGTH_S * RATE_HZ)
    talks = [talk, *(_float(RECORDINGS / name) for name in TALKS if (RECORDINGS / name).exists())]
    yield Clip("talk, its own silence", _float(SAMPLE), [(SILENCE, span) for span in sample_silences()])
    for name, other in zip([name for name in TALKS if (RECORDINGS / name).exists()], talks[1:], strict=True):
        yield Clip("talk", other, [(SILENCE, Span(0, BEFORE_THE_CALL_S))] if name == "sample.wav" else ())
    level = np.sqrt(np.mean(np.square(talk[np.abs(talk) > 0.01])))
    tunes = [excerpt(_float(path)) for path in files("music")] + [made_music()]
    for tune in tunes:
        whole = Span(0, len(tune) / RATE_HZ)
        yield Clip("music alone", tune, [(MUSIC, whole)])
        for under_db in UNDER_SPEECH_DB:
            bed = np.resize(tune, len(talk)) / np.sqrt(np.mean(np.square(tune))) * level / 10 ** (under_db / 20)
            yield Clip(f"music {under_db} dB under speech", talk + bed, [(MUSIC, Span(0, LENGTH_S))])
        # An opening of 8 s with talk after it.
        opening = tune[: 8 * RATE_HZ]
        opened = np.concatenate((opening / np.sqrt(np.mean(np.square(opening))) * level, talk))
        quiet = [(SILENCE, span.shifted(8)) for span in sample_silences()]
        yield Clip("music before speech", opened, [(MUSIC, Span(0, 8)), *quiet])
    for path in files("other"):
        yield Clip("other sounds between words", np.concatenate((talk[:PAUSE], _float(path), talk[PAUSE : 2 * PAUSE])))
    for noise in made_noises():
        yield Clip("noise, hum, tones, claps", noise)
        yield Clip("the same 10 dB under speech", talk[: len(noise)] + noise / np.std(noise) * level / 10**0.5)
    for length_s in SILENCES_S:
        rng = np.random.default_rng(int(length_s))
        pause = rng.normal(0, 10 ** (-60 / 20), round(length_s * RATE_HZ))
        truth = Span(PAUSE / RATE_HZ, PAUSE / RATE_HZ + length_s)
        yield Clip("a pause", np.concatenate((talk[:PAUSE], pause, talk[PAUSE : 20 * RATE_HZ])), [(SILENCE, truth)])


def sample_silences() -> list[Span]:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    return [Span(e["start_s"], e["end_s"]) for e in truth["events"] if e["kind"] == "silence"]


def made_music() -> Pcm:
    """A tune over a chord, of plain tones."""
    t = np.arange(30 * RATE_HZ) / RATE_HZ
    tune = np.array([262, 330, 392, 523, 392, 330])[(t * 4).astype(int) % 6]
    chord = sum(np.sin(2 * np.pi * tone * t) for tone in (131, 165, 196))
    sound: Pcm = 0.2 * np.sin(2 * np.pi * tune * t) * np.exp(-3 * ((t * 4) % 1)) + 0.05 * chord
    return sound


def made_noises() -> Iterator[Pcm]:
    rng = np.random.default_rng(7)
    t = np.arange(20 * RATE_HZ) / RATE_HZ
    yield rng.normal(0, 0.1, len(t))
    for colour in (1, 2):
        spectrum = np.fft.rfft(rng.normal(0, 1, len(t)))
        shaped = np.fft.irfft(spectrum / np.maximum(np.fft.rfftfreq(len(t), 1 / RATE_HZ), 20) ** (colour / 2))
        yield 0.05 * shaped / np.std(shaped)
    for tone in (50, 100, 120, 300, 440, 1000):
        yield np.sum([0.05 / n * np.sin(2 * np.pi * tone * n * t) for n in (1, 2, 3, 5)], axis=0)
    claps = (rng.random(len(t)) < 40 / RATE_HZ) * rng.normal(0, 1, len(t))
    yield np.convolve(claps, np.exp(-np.arange(400) / 60) * rng.normal(0, 0.3, 400), "same")
    yield rng.normal(0, 0.2, len(t)) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * t))


def files(kind: str) -> list[Path]:
    folder = os.environ.get("CLIPMILL_BENCH_SOUNDS")
    return sorted((Path(folder) / kind).iterdir()) if folder else []


def excerpt(tune: Pcm) -> Pcm:
    """A minute, after the beginning that fades in."""
    return tune[10 * RATE_HZ : (10 + LENGTH_S) * RATE_HZ] if len(tune) > 30 * RATE_HZ else tune


def _float(path: Path) -> Pcm:
    return decoded(path).astype(np.float64) / 32768


if __name__ == "__main__":
    main()
