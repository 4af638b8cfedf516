"""How far speech stands above what is always there."""

import numpy as np
import pytest
from clipmill_audio.domain.noise import speech_above_rest_db
from clipmill_audio.domain.timed import Span

SPEECH = [Span(12.0, 16.0), Span(20.0, 24.0)]


def levels(rest_db: float, speech_db: float = -25.0, burst_db: float | None = None) -> list[float]:
    """Of 20 s from second 10 on."""
    at_s = 10 + np.arange(200) * 0.1
    found = np.full(200, rest_db)
    for span in SPEECH:
        found[(at_s >= span.start_s - 0.2) & (at_s < span.end_s + 0.2)] = speech_db
    if burst_db is not None:
        found[-40:] = burst_db
    return found.tolist()


@pytest.mark.parametrize("rest_db", [-80.0, -40.0, -30.0])
def test_speech_over_rest(rest_db):
    assert speech_above_rest_db(levels(rest_db), 10.0, SPEECH) == pytest.approx(-25.0 - rest_db)


def test_applause_between_words_is_no_noise_under_them():
    assert speech_above_rest_db(levels(-70.0, burst_db=-20.0), 10.0, SPEECH) == pytest.approx(45.0)


def test_where_all_is_speech_or_none_nothing_is_claimed():
    assert speech_above_rest_db(levels(-70.0), 10.0, [Span(10.0, 29.0)]) is None
    assert speech_above_rest_db(levels(-70.0), 10.0, []) is None
