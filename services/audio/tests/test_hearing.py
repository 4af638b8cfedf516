"""Hearing in a child process: what is no speech gives no words, and the rest of the analysis is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached
from clipmill_audio.speech_file import SpeechUnreadableError

from clipmill.audio.v1.audio_pb2 import SoundEvent
from clipmill_shared.compute import Children

from .sound_files import RATE_HZ, as_pcm, write_flac

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENGTH_S = 12
T = np.arange(LENGTH_S * RATE_HZ) / RATE_HZ
RNG = np.random.default_rng(7)


def applause() -> np.ndarray:
    claps = (RNG.random(len(T)) < 40 / RATE_HZ) * RNG.normal(0, 1, len(T))
    return np.convolve(claps, np.exp(-np.arange(400) / 60) * RNG.normal(0, 0.3, 400), "same")


def music() -> np.ndarray:
    tune = np.array([262, 330, 392, 523, 392, 330])[(T * 4).astype(int) % 6]
    chord = sum(np.sin(2 * np.pi * tone * T) for tone in (131, 165, 196))
    return 0.2 * np.sin(2 * np.pi * tune * T) * np.exp(-3 * ((T * 4) % 1)) + 0.05 * chord


SOUNDS = {
    "silence": np.zeros(len(T)),
    "white noise": RNG.normal(0, 0.1, len(T)),
    "loud noise": RNG.normal(0, 0.5, len(T)),
    "hum": 0.3 * np.sin(2 * np.pi * 100 * T) + 0.1 * np.sin(2 * np.pi * 200 * T),
    "tone": 0.3 * np.sin(2 * np.pi * 440 * T),
    "music": music(),
    "applause": applause(),
    "noise that swells": RNG.normal(0, 0.2, len(T)) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * T)),
    "clicks": (np.arange(len(T)) % 4000 == 0) * 0.9,
}


async def hear(children: Children, speech: Path, start_s: float, end_s: float) -> Heard:
    heard = await children.run(Part(speech, Span(start_s, end_s), [Reached(MOONSHINE)]))
    assert isinstance(heard, Heard)
    return heard


@pytest.fixture(scope="module")
def all_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every sound, one after another."""
    pcm = as_pcm(np.concatenate(list(SOUNDS.values())))
    return write_flac(tmp_path_factory.mktemp("sounds") / "speech.flac", pcm)


async def test_what_is_no_speech_gives_no_words(children: Children, all_sounds: Path) -> None:
    invented = {}
    for number, name in enumerate(SOUNDS):
        heard = await hear(children, all_sounds, number * LENGTH_S, (number + 1) * LENGTH_S)
        invented[name] = [word.text for word in heard.analysis.words]
        assert not heard.doubts
    assert invented == {name: [] for name in SOUNDS}


async def test_music_and_silence_are_told_from_noise_hum_and_claps(children: Children, all_sounds: Path) -> None:
    found = {}
    for number, name in enumerate(SOUNDS):
        start_s, end_s = number * LENGTH_S, (number + 1) * LENGTH_S
        events = (await hear(children, all_sounds, start_s, end_s)).analysis.events
        found[name] = [(event.kind, event.range.start_s - start_s, event.range.end_s - start_s) for event in events]
    silence = [(SoundEvent.KIND_SILENCE, 0, LENGTH_S)]
    music = [(SoundEvent.KIND_MUSIC, 0, pytest.approx(LENGTH_S, abs=0.1))]
    assert found == {name: [] for name in SOUNDS} | {"silence": silence, "music": music}


async def test_levels_cover_the_part_on_the_videos_clock(children: Children, all_sounds: Path) -> None:
    analysis = (await hear(children, all_sounds, 11.0, 13.0)).analysis
    assert (analysis.part.start_s, analysis.part.end_s) == (11.0, 13.0)
    assert analysis.loudness.start_s == 11.0
    assert analysis.loudness.step_s == pytest.approx(0.1)
    assert list(analysis.loudness.rms_db) == pytest.approx([-90] * 10 + [-20] * 10, abs=1)


async def test_a_part_beyond_the_sounds_end_is_heard_as_far_as_it_goes(children: Children, all_sounds: Path) -> None:
    end_s = len(SOUNDS) * LENGTH_S
    analysis = (await hear(children, all_sounds, end_s - 1, end_s + 5)).analysis
    assert len(analysis.loudness.rms_db) == 10
    assert not analysis.words


async def test_an_unreadable_sound_is_named_by_the_child(children: Children, tmp_path: Path) -> None:
    (tmp_path / "speech.flac").write_bytes(b"no sound")
    with pytest.raises(SpeechUnreadableError):
        await hear(children, tmp_path / "speech.flac", 0, 1)
