"""Which words end a sentence: the engine's punctuation, read by pysbd, which knows "Dr.", "3.5" and "p.m."."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

with warnings.catch_warnings():
    # Its source has escapes that newer Pythons warn of, on the user's terminal, when they first compile it.
    warnings.simplefilter("ignore")
    import pysbd

# pysbd's time grows with the square of the text's length.
AT_LEAST_WORDS = 150
AT_MOST_WORDS = 400
ENDINGS = (".", "?", "!", "…")
CLOSERS = "\"'”’)]"


def sentence_ends(words: Sequence[str]) -> list[bool]:
    """For each word of an English text, whether a sentence ends after it.

    A word without a full stop, question mark or exclamation mark ends none, whatever follows.
    """
    segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)
    ends: list[bool] = []
    for passage in _passages(words):
        stops = {span.start + len(span.sent.rstrip()) for span in segmenter.segment(" ".join(passage))}
        at = 0
        for word in passage:
            at += len(word)
            ends.append(at in stops and may_end(word))
            at += 1
    return ends


def may_end(word: str) -> bool:
    return word.rstrip(CLOSERS).endswith(ENDINGS)


def _passages(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """The text in pieces that end where a sentence surely does, unless none does for long."""
    start = 0
    for number, word in enumerate(words, 1):
        length = number - start
        if (length >= AT_LEAST_WORDS and may_end(word) and len(word) > 4) or length >= AT_MOST_WORDS:
            yield words[start:number]
            start = number
    if start < len(words):
        yield words[start:]
