"""Voices of a few seconds: where sound is cut for telling them apart, and what each is known by."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_audio.domain.filterbank import BANDS, filterbank
from clipmill_audio.domain.voices import FRAME_S, LISTEN_S, STRETCH_S, stretches, voices_of
from hypothesis import given
from hypothesis import strategies as st

STEP_S = 0.032
FRAMES = 589


def active(*voices: tuple[float, float]) -> np.ndarray:
    """A stretch in which each of these voices speaks from one second to another."""
    at_s = np.arange(FRAMES) * FRAME_S
    return np.stack([(at_s >= start_s) & (at_s < end_s) for start_s, end_s in voices], axis=1)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 700)), min_size=1, max_size=8))
def test_all_speech_is_in_one_stretch_and_none_is_longer_than_the_model_takes(runs: list[tuple[bool, int]]) -> None:
    probabilities = [float(speaks) for speaks, steps in runs for _ in range(steps)]
    spans = stretches(probabilities, STEP_S)
    times = np.arange(len(probabilities)) * STEP_S + STEP_S / 2
    inside = sum(((times >= span.start_s) & (times < span.end_s)).astype(int) for span in spans)
    assert all(0 < span.length_s <= STRETCH_S for span in spans)
    assert np.all((np.asarray(probabilities) == 0) | (inside == 1))
    assert np.all(inside <= 1)


def test_a_stretch_ends_in_a_silence_not_in_a_word() -> None:
    probabilities = np.ones(500)
    probabilities[200:230] = 0
    first, second, *_ = stretches(probabilities.tolist(), STEP_S)
    assert first.end_s == pytest.approx(200 * STEP_S)
    assert second.start_s == pytest.approx(230 * STEP_S)


def test_a_voice_is_known_by_what_it_says_alone() -> None:
    one, two = voices_of(active((0, 3), (2, 6)), STRETCH_S)
    assert (one.alone_s, two.alone_s) == pytest.approx((2, 3), abs=0.05)
    assert one.frames.max() * 0.01 < 2.05
    assert two.frames.min() * 0.01 > 2.9
    assert one.spans[0].shared_s(two.spans[0]) == pytest.approx(1, abs=0.05)


def test_a_voice_that_never_speaks_alone_says_so() -> None:
    _, hidden = voices_of(active((0, 6), (2, 3)), STRETCH_S)
    assert hidden.alone_s == 0
    assert len(hidden.frames)


def test_no_more_is_listened_to_than_tells_a_voice() -> None:
    (voice,) = voices_of(active((0, 10)), STRETCH_S)
    assert len(voice.frames) == round(LISTEN_S / 0.01)


def test_nothing_is_heard_after_the_sound_has_ended() -> None:
    (voice,) = voices_of(active((0, 10), (5, 10)), 4.0)
    assert voice.spans[-1].end_s == pytest.approx(4.0, abs=0.02)
    assert voice.frames.max() * 0.01 + 0.025 <= 4.0


def test_the_filterbank_peaks_where_the_tone_is() -> None:
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)).astype(np.int16)
    bands = filterbank(tone)
    assert bands.shape == (98, BANDS)
    # 1 kHz is the 28th of 80 triangles that are even on the mel scale from 20 to 8000 Hz.
    assert set(bands.argmax(axis=1).tolist()) <= {27, 28}


def test_a_sound_shorter_than_a_window_has_no_bands() -> None:
    assert filterbank(np.zeros(399, np.int16)).shape == (0, BANDS)
