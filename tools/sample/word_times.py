"""From the durations a synthesiser gives its phonemes to the times of the written words.

The synthesiser groups its phonemes with spaces, mostly one group a word; now and then it writes two words as one group
("of the"). Groups and words are matched in order, and a group of several words is divided in the proportion of what the
words would need alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

import numpy as np
import numpy.typing as npt

MOST_WORDS_IN_A_GROUP = 3
WINDOW_S = 0.01
SHORTEST_WORD_S = 0.04
AUDIBLE = 0.03
"""A window of WINDOW_S is sound when its RMS is above this part of the loudest window's (-30 dB)."""

NOT_SPOKEN = set(" .,!?;:^$_")
"""Symbols that a synthesiser gives a duration to but that belong to no word: breaks, sentence marks, padding."""


@dataclass(frozen=True)
class Symbol:
    """A phoneme (or break) and its place in the sentence's audio, in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class WordTime:
    """A written word with its punctuation, and when it is spoken, in seconds."""

    text: str
    start_s: float
    end_s: float


def word_times(text: str, symbols: Sequence[Symbol], pronounce: Callable[[str], str]) -> list[WordTime]:
    """Times of the words of `text`; `pronounce` gives the phonemes of a word alone.

    Raises ValueError when there are more groups than words (a number in digits would do that): write it in words.
    """
    words, groups = text.split(), _groups(symbols)
    if len(groups) > len(words):
        raise ValueError(f"{len(groups)} spoken groups for {len(words)} words, write numbers as words: {text!r}")
    alone = [_spoken(pronounce(word)) for word in words]
    times: list[WordTime] = []
    first = 0
    for group, count in zip(groups, _words_per_group(groups, alone), strict=True):
        times += _divide(group, words[first : first + count], alone[first : first + count])
        first += count
    return times


def trim_to_sound(words: Sequence[WordTime], samples: npt.NDArray[np.float32], rate: int) -> list[WordTime]:
    """The words without the silence that a synthesiser counts to the last phoneme before a stop.

    The first word starts and the last word ends where the sound does, to WINDOW_S; inside, ends only move to the left.
    """
    window = round(WINDOW_S * rate)
    rms = np.sqrt(np.mean(samples[: len(samples) // window * window].reshape(-1, window) ** 2, axis=1))
    sound = np.flatnonzero(rms > AUDIBLE * rms.max())
    trimmed: list[WordTime] = []
    for i, word in enumerate(words):
        inside = sound[(sound * WINDOW_S >= word.start_s - WINDOW_S) & (sound * WINDOW_S < word.end_s)]
        end_s = min(word.end_s, float(inside[-1] + 1) * WINDOW_S) if len(inside) else word.end_s
        start_s = max(word.start_s, trimmed[-1].end_s) if trimmed else float(sound[0]) * WINDOW_S
        if i + 1 == len(words):
            end_s = float(sound[-1] + 1) * WINDOW_S
        trimmed.append(WordTime(word.text, start_s, max(end_s, start_s + SHORTEST_WORD_S)))
    return trimmed


def _spoken(phonemes: str) -> str:
    return "".join(p for p in phonemes if p not in NOT_SPOKEN)


def _groups(symbols: Sequence[Symbol]) -> list[list[Symbol]]:
    """Runs of spoken symbols between breaks."""
    groups: list[list[Symbol]] = [[]]
    for symbol in symbols:
        if symbol.text not in NOT_SPOKEN:
            groups[-1].append(symbol)
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]


def _words_per_group(groups: list[list[Symbol]], alone: list[str]) -> tuple[int, ...]:
    """How many words each group holds: the cheapest split by dynamic programming, 1 - similarity weighted by length."""
    spelled = ["".join(s.text for s in group) for group in groups]

    @cache
    def best(group: int, word: int) -> tuple[float, tuple[int, ...]]:
        left_groups, left_words = len(groups) - group, len(alone) - word
        if left_groups == 0:
            return (0.0, ()) if left_words == 0 else (float("inf"), ())
        options = [(float("inf"), ())]
        for count in range(1, min(MOST_WORDS_IN_A_GROUP, left_words - left_groups + 1) + 1):
            expected = "".join(alone[word : word + count])
            cost = (1 - SequenceMatcher(None, spelled[group], expected, autojunk=False).ratio()) * len(expected)
            rest, counts = best(group + 1, word + count)
            options.append((cost + rest, (count, *counts)))
        return min(options)

    return best(0, 0)[1]


def _divide(group: list[Symbol], words: list[str], alone: list[str]) -> list[WordTime]:
    """Cut a group between symbols, where the words' own lengths say."""
    total = sum(len(a) for a in alone)
    times, first, done = [], 0, 0
    for i, word in enumerate(words):
        done += len(alone[i])
        last = max(first + 1, round(len(group) * done / total)) if i + 1 < len(words) else len(group)
        times.append(WordTime(word, group[first].start_s, group[last - 1].end_s))
        first = last
    return times
