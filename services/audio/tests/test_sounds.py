"""Silence and music, from levels and probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_audio.domain.sounds import CELL_S, PROBE_S, is_steady, music, probes, silences, worth_hearing
from clipmill_audio.domain.timed import Span

LEVELS = [-30.0] * 20 + [-70.0] * 30 + [-30.0] * 20


def test_silence_is_where_the_level_is_low() -> None:
    (only,) = silences(LEVELS, 100.0, [])
    assert (only.start_s, only.end_s) == (pytest.approx(102.0), pytest.approx(105.0))


def test_where_somebody_speaks_is_no_silence_however_softly() -> None:
    found = silences(LEVELS, 100.0, [Span(103.0, 103.5)])
    assert [(round(s.start_s, 2), round(s.end_s, 2)) for s in found] == [(102.0, 103.0), (103.5, 105.0)]


@pytest.mark.parametrize("length_s", [0.5, 3.0, 4.0, 9.9, 61.3])
def test_probes_lie_in_the_sound_and_none_is_far_from_the_next(length_s: float) -> None:
    places = probes(length_s)
    assert all(place.start_s >= 0 and place.end_s <= length_s + 1e-9 for place in places)
    middles = [0.0, *((place.start_s + place.end_s) / 2 for place in places), length_s]
    assert max(np.diff(middles)) <= CELL_S or length_s < PROBE_S


def test_the_neighbourhood_of_music_is_heard_whole() -> None:
    places = probes(40.0)
    means = [0.9 if 16 < place.start_s < 24 else 0.1 for place in places]
    assert worth_hearing(places, means, 40.0) == [Span(12.0, 28.0)]
    assert worth_hearing(places, [0.1] * len(places), 40.0) == []


def test_music_is_where_its_probability_is_high_over_a_second() -> None:
    probabilities = np.zeros(2000, np.float32)
    probabilities[500:1500] = 0.9
    probabilities[100:120] = 1.0
    (only,) = music(probabilities, 0.01)
    assert (only.span.start_s, only.span.end_s) == (pytest.approx(5, abs=0.1), pytest.approx(15, abs=0.1))
    assert only.probability == pytest.approx(0.9, abs=0.02)


def test_a_level_that_does_not_move_between_words_is_a_hum() -> None:
    hum = np.full(100, -29.2) + np.where(np.arange(100) % 10 < 8, 15.0, 0.0)
    words = [Span(i, i + 0.75) for i in range(10)]
    assert is_steady(hum, 0.0, Span(0, 10), words)
    tune = hum + 3 * np.sin(np.arange(100))
    assert not is_steady(tune, 0.0, Span(0, 10), words)
    assert not is_steady(hum, 0.0, Span(0, 10), [Span(0, 10)])
