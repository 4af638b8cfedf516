"""What is said, word by word."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.definition import MANY, Columns, Feature, Seen, sums
from clipmill_scoring.domain.timeline import Bools, Floats, Ints
from clipmill_scoring.domain.words import Marks

_PER_100 = "per 100 words"
FEATURES: tuple[Feature, ...] = (
    Feature("first_person", "words", _PER_100, 1, 0, 100, "I, me, my, we, us, our", english=True),
    Feature("second_person", "words", _PER_100, 1, 0, 100, "you, your", english=True),
    Feature("people", "words", _PER_100, 1, 0, 100, "he, she, family, friends, roles", english=True),
    Feature("dialogue", "words", _PER_100, 1, 0, 200, "verbs of speaking, and quotation marks", english=True),
    Feature("questions", "words", _PER_100, 1, 0, 100, "question marks"),
    Feature("charged", "words", _PER_100, 1, 0, 200, "words of feeling and exclamation marks", english=True),
    Feature("casual", "words", _PER_100, 1, 0, 100, "words of everyday talk", english=True),
    Feature("contrast", "words", _PER_100, 1, 0, 100, "but, yet, instead, negations", english=True),
    Feature("numbers", "words", _PER_100, 1, 0, 100, "digits and number words", english=True),
    Feature("word_length", "words", "letters", 1, 0, MANY, "mean letters a word", english=True),
    Feature("sentence_length", "words", "words", 1, 0, MANY, "words a sentence end"),
    Feature("readability", "words", "Flesch", 1, -MANY, 206.835,
            "Flesch reading ease, syllables counted as runs of vowels", english=True),
    Feature("sentiment_arc", "words", "valence", 1, -8, 8,
            "mean valence (VADER's lexicon, -4 to 4) of the judged words of the second half less the first's",
            english=True),
)  # fmt: skip


def measure(seen: Seen) -> Columns:
    """The features of what is said."""
    return of_runs(seen.marked, seen.begin, seen.end)


def of_runs(marked: Marks, begin: Ints, end: Ints) -> Columns:
    """The same for any runs of words, from `begin` to `end` - 1."""
    count = (end - begin).astype(np.float64)
    count[count == 0] = np.nan

    def rate(kind: Bools, other: Bools | None = None) -> Floats:
        share = sums(kind, begin, end)
        if other is not None:
            share = share + sums(other, begin, end)
        result: Floats = 100 * share / count
        return result

    sentence_length = count / np.maximum(sums(marked.ends, begin, end), 1)
    return {
        "first_person": rate(marked.first_person),
        "second_person": rate(marked.second_person),
        "people": rate(marked.people),
        "dialogue": rate(marked.speech, marked.quote),
        "questions": rate(marked.asks),
        "charged": rate(marked.charged, marked.exclaims),
        "casual": rate(marked.casual),
        "contrast": rate(marked.contrast),
        "numbers": rate(marked.number),
        "word_length": sums(marked.letters, begin, end) / count,
        "sentence_length": sentence_length,
        # Flesch, A new readability yardstick (1948).
        "readability": 206.835 - 1.015 * sentence_length - 84.6 * sums(marked.syllables, begin, end) / count,
        "sentiment_arc": _arc(marked, begin, end),
    }


def _arc(marked: Marks, begin: Ints, end: Ints) -> Floats:
    """NaN where either half has no word that the lexicon judges."""
    middle = (begin + end) // 2

    def mean(a: Ints, b: Ints) -> Floats:
        judged = sums(marked.valence != 0, a, b)
        result: Floats = sums(marked.valence, a, b) / np.where(judged > 0, judged, np.nan)
        return result

    return mean(middle, end) - mean(begin, middle)
