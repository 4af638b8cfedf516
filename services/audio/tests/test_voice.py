"""How it is said: the pitch of voices of known pitch, and the phrases of words."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_audio.domain.phrases import phrases
from clipmill_audio.domain.pitch import STEP_S, pitches_hz
from clipmill_audio.domain.timed import HeardWord, Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached
from numpy.typing import NDArray

from clipmill_shared.compute import Children

from .sound_files import write_flac

RATE_HZ = 8_000
RNG = np.random.default_rng(3)
SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"


def voice(pitch_hz: float, noise: float) -> NDArray[np.float32]:
    """Two seconds of harmonics, the stronger the nearer to one of three formants, as in a vowel."""
    at_s = np.arange(2 * RATE_HZ) / RATE_HZ
    sound = np.zeros(len(at_s))
    for hz in np.arange(pitch_hz, RATE_HZ / 2, pitch_hz):
        strength = sum(
            1 / (1 + ((hz - formant) / width) ** 2) for formant, width in ((600, 80), (1200, 100), (2500, 150))
        )
        sound += strength * np.cos(2 * np.pi * hz * at_s)
    return (0.1 * sound / np.std(sound) + noise * RNG.normal(0, 0.1, len(sound))).astype(np.float32)


@pytest.mark.parametrize("pitch_hz", [75, 98, 140, 210, 330])
@pytest.mark.parametrize("noise", [0.03, 0.3])
def test_the_pitch_of_a_vowel(pitch_hz: float, noise: float) -> None:
    found = pitches_hz(voice(pitch_hz, noise), RATE_HZ)
    assert len(found) == pytest.approx(2 / STEP_S, abs=3)
    assert np.mean(np.abs(found / pitch_hz - 1) < 0.03) > 0.95


def test_noise_and_silence_have_no_pitch() -> None:
    assert np.mean(np.isnan(pitches_hz(RNG.normal(0, 0.1, 4 * RATE_HZ).astype(np.float32), RATE_HZ))) > 0.98
    assert np.isnan(pitches_hz(np.zeros(RATE_HZ, np.float32), RATE_HZ)).all()
    assert len(pitches_hz(np.zeros(10, np.float32), RATE_HZ)) == 0


WORDS = [
    HeardWord(start, start + 0.4, text)
    for start, text in ((10.0, "One"), (10.5, "two."), (11.0, "Three"), (13.0, "four"))
]
ENDS = [False, True, False, False]


def test_phrases_end_with_sentences_and_at_pauses() -> None:
    levels = [-20.0] * 10 + [-40.0] * 40
    pitches = np.full(250, np.nan)
    pitches[:50] = 100.0
    found = list(phrases(WORDS, ENDS, levels, pitches, 10.0))
    assert [(phrase.first_word, phrase.words) for phrase in found] == [(0, 2), (2, 1), (3, 1)]
    assert [round(phrase.level_db) for phrase in found] == [-20, -40, -40]
    assert found[0].pitch is not None and found[0].pitch.median_hz == pytest.approx(100)
    assert (found[1].pitch, found[2].pitch) == (None, None)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_sample_s_two_voices_differ_in_pitch_and_their_rate_is_the_truth_s(
    children: Children, tmp_path: Path
) -> None:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(str(SAMPLE)) as container:
        pcm = np.concatenate(
            [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        )
    heard = await children.run(
        Part(write_flac(tmp_path / "a.flac", pcm[: 40 * 16_000]), Span(0, 40), [Reached(MOONSHINE)])
    )
    assert isinstance(heard, Heard)
    analysis = heard.analysis
    assert sum(phrase.words for phrase in analysis.phrases) == len(analysis.words)
    medians: dict[str, list[float]] = {"host": [], "guest": []}
    rates = []
    for phrase in analysis.phrases:
        said = [
            word
            for word in truth["words"]
            if phrase.range.start_s - 0.2 < word["start_s"] and word["end_s"] < phrase.range.end_s + 0.2
        ]
        speakers = [word["speaker"] for word in said]
        if speakers.count(speakers[len(said) // 2]) > 0.8 * len(said):
            medians[speakers[len(said) // 2]].append(phrase.pitch_hz)
        if len(said) >= 4:
            true_rate = len(said) / (said[-1]["end_s"] - said[0]["start_s"])
            rates.append(phrase.words_per_s / true_rate)
    assert np.median(rates) == pytest.approx(1, abs=0.05) and min(rates) > 0.8 and max(rates) < 1.25
    assert len(medians["guest"]) >= 5 and max(medians["guest"]) < 1.3 * min(medians["guest"])
    assert len(medians["host"]) >= 2 and min(medians["host"]) > 1.8 * max(medians["guest"])
