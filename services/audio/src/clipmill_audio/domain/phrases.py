"""How each phrase is said: its level, its pitch, its rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain import loudness, pitch
from clipmill_audio.domain.timed import HeardWord, Span

# A pause of this length ends a phrase, as a sentence's end does.
PAUSE_S = 1.0
# Of a phrase with less voice no pitch is told: a few frames may all be an octave off.
LEAST_VOICED_S = 0.3
RANGE_PERCENT = (10, 50, 90)


@dataclass(frozen=True)
class Pitch:
    """The 10th, 50th and 90th percentile of a phrase's voiced frames."""

    low_hz: float
    median_hz: float
    high_hz: float


@dataclass(frozen=True)
class Phrase:
    """Words that follow each other, and how they are said; see clipmill.audio.v1.Phrase."""

    span: Span
    first_word: int
    words: int
    level_db: float
    pitch: Pitch | None


def phrases(
    words: Sequence[HeardWord],
    ends: Sequence[bool],
    levels_db: Sequence[float],
    pitches_hz: NDArray[np.float32],
    start_s: float,
) -> Iterator[Phrase]:
    """The phrases of a part that begins at `start_s`, in order; each word is in one.

    `ends`: the words that a sentence ends with. `levels_db` are of steps of loudness.STEP_S, `pitches_hz` of
    pitch.STEP_S, NaN where there is no voice.
    """
    levels = np.asarray(levels_db)
    for first, stop in _groups(words, ends):
        span = Span(words[first].start_s, words[stop - 1].end_s)
        level = level_db(levels, span, start_s)
        voiced = _within(pitches_hz, span, start_s, pitch.STEP_S)
        voiced = voiced[~np.isnan(voiced)]
        if span.length_s <= 0 or level is None:
            continue
        told = len(voiced) * pitch.STEP_S >= LEAST_VOICED_S
        found = Pitch(*(float(hz) for hz in np.percentile(voiced, RANGE_PERCENT))) if told else None
        yield Phrase(span, first, stop - first, level, found)


def level_db(levels_db: Sequence[float] | NDArray[np.floating], span: Span, start_s: float) -> float | None:
    """The level of a phrase; None without sound. `levels_db` are of steps of loudness.STEP_S from `start_s` on."""
    heard = _within(np.asarray(levels_db), span, start_s, loudness.STEP_S)
    # The mean of the power, so that pauses between words count little.
    return 10 * float(np.log10(np.mean(10 ** (heard / 10)))) if len(heard) else None


def _groups(words: Sequence[HeardWord], ends: Sequence[bool]) -> Iterator[tuple[int, int]]:
    first = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or ends[index - 1] or words[index].start_s - words[index - 1].end_s >= PAUSE_S:
            yield first, index
            first = index


def _within(values: NDArray[np.floating], span: Span, start_s: float, step_s: float) -> NDArray[np.floating]:
    first, stop = (round((edge_s - start_s) / step_s) for edge_s in (span.start_s, span.end_s))
    return values[max(0, first) : max(first + 1, stop)]
