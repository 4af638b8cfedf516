"""Talks for tests: some written out, some drawn by hypothesis."""

from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Shot, Timeline, Word
from hypothesis import strategies as st

WORD_S = 0.4


def talk(*sentences: str, gap_s: float = 0.6, lead_s: float = 1.0, shots: tuple[Shot, ...] = (), language: str = "en"):
    """Sentences of words that last 0.4 s each without pauses, `gap_s` apart, with `lead_s` of silence at both ends."""
    words: list[Word] = []
    at_s = lead_s
    for sentence in sentences:
        texts = sentence.split()
        for k, text in enumerate(texts):
            words.append(Word(text, at_s, at_s + WORD_S, k == len(texts) - 1))
            at_s += WORD_S
        at_s += gap_s
    return Timeline(at_s - gap_s + lead_s, language, tuple(words), shots, None, None)


def embed(texts: Sequence[str]):
    """Stands for the sentence encoder: texts are as near as the words they share."""
    rows = np.zeros((len(texts), 512), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            row[crc32(word.strip(",.?").encode()) % 512] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def silent(*shot_ends_s: float, motion: tuple[float, ...] = ()) -> Timeline:
    """A video without words whose shots end at these times."""
    starts_s = (0.0, *shot_ends_s[:-1])
    motions = motion or (0.03,) * len(shot_ends_s)
    shots = tuple(Shot(a, b, m, 100.0) for a, b, m in zip(starts_s, shot_ends_s, motions, strict=True))
    return Timeline(shot_ends_s[-1], "", (), shots, None, None)


_TEXTS = st.sampled_from(["And", "why", "you", "seven", "line", "she", "said", "never", "stop?", "done.", "Queue", "7"])
_SMALL = st.floats(0, 3, allow_nan=False)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Any timeline: words may overlap, last no time, have no sentence ends; shots may be long, or not be there."""
    words: list[Word] = []
    at_s = 0.0
    for _ in range(draw(st.integers(0, 30))):
        at_s = max(0.0, at_s + draw(st.one_of(st.just(0.0), st.floats(-0.3, 4, allow_nan=False))))
        length_s = draw(st.one_of(st.just(0.0), st.floats(0.05, 1.0)))
        words.append(Word(draw(_TEXTS), at_s, at_s + length_s, draw(st.booleans())))
        at_s += length_s
    words.sort(key=lambda word: (word.start_s, word.end_s))
    duration_s = max([word.end_s for word in words], default=0.0) + draw(st.floats(0.1, 20))
    edges = sorted({0.0, duration_s, *draw(st.lists(st.floats(0, duration_s), max_size=8))})
    shots = tuple(
        Shot(a, b, draw(st.floats(0, 1)), draw(st.floats(0, 1000)))
        for a, b in pairwise(edges)
    )  # fmt: skip
    shown = draw(st.booleans())
    return Timeline(
        duration_s, draw(st.sampled_from(["", "en", "de"])), tuple(words), shots if shown else (), None, None
    )


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    min_s = draw(st.floats(0.5, 15))
    return Ask(draw(st.integers(1, 6)), min_s, min_s + draw(st.floats(0, 20)))
