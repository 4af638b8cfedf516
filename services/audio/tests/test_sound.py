"""Levels, and reading a part of a sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.domain.loudness import FLOOR_DB, rms_db
from clipmill_audio.domain.timed import Span
from clipmill_audio.speech_file import RATE_HZ, SpeechUnreadableError, blocks
from hypothesis import given
from hypothesis import strategies as st

from .sound_files import write_flac

LENGTH = 3 * RATE_HZ + 123


def test_a_full_scale_square_wave_is_at_0_db_and_a_sine_at_minus_3() -> None:
    sine = np.sin(np.arange(1600) * 2 * np.pi * 100 / RATE_HZ).astype(np.float32)
    assert rms_db(np.ones(1600, np.float32), 1600) == pytest.approx([0.0])
    assert rms_db(sine, 1600) == pytest.approx([-3.01], abs=0.01)


def test_silence_is_at_the_floor_and_a_last_short_step_counts_its_own_length() -> None:
    assert rms_db(np.zeros(10, np.float32), 4) == [FLOOR_DB] * 3
    assert rms_db(np.array([1, 1, 1, 1, 1], np.float32), 4) == pytest.approx([0.0, 0.0])
    assert rms_db(np.zeros(0, np.float32), 4) == []


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    samples = np.random.default_rng(1).integers(-3000, 3000, LENGTH).astype(np.int16)
    return write_flac(tmp_path_factory.mktemp("sound") / "speech", samples), samples


@given(start=st.integers(0, LENGTH), length=st.integers(1, LENGTH), size=st.integers(1000, 20_000))
def test_a_part_is_read_exactly_and_in_blocks(
    noise: tuple[Path, np.ndarray], start: int, length: int, size: int
) -> None:
    path, samples = noise
    read = list(blocks(path, Span(start / RATE_HZ, (start + length) / RATE_HZ), size))
    assert np.array_equal(np.concatenate([np.empty(0, np.int16), *read]), samples[start : start + length])
    assert all(len(block) == size for block in read[:-1])


@pytest.mark.parametrize("content", [b"", b"not a sound", b"#EXTM3U\nhttp://127.0.0.1:1/\n"])
def test_what_is_no_speech_sound_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "speech"
    path.write_bytes(content)
    with pytest.raises(SpeechUnreadableError):
        list(blocks(path, Span(0, 1), 1000))


def test_a_name_with_odd_characters_is_read(tmp_path: Path) -> None:
    path = write_flac(tmp_path / "http:é %20#?'x", np.ones(2000, np.int16))
    assert sum(len(block) for block in blocks(path, Span(0, 1), 1000)) == 2000
