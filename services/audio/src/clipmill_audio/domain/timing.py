"""Gives each written word its times from those of the words that were said, and spreads the rest between them."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill_audio.domain.timed import HeardWord, Span


def time_words(texts: Sequence[str], found: Sequence[Span | None], within: Span) -> tuple[HeardWord, ...]:
    """`found` has each text's place in the sound, or None; those without are spread between their neighbours.

    The spread is by length of text. Words at the edges, and all when nothing was found, take what `within` leaves.
    """
    words: list[HeardWord] = []
    at = 0
    while at < len(texts):
        if (span := found[at]) is not None:
            words.append(HeardWord(span.start_s, span.end_s, texts[at]))
            at += 1
            continue
        stop = next((i for i in range(at, len(texts)) if found[i] is not None), len(texts))
        after = found[stop] if stop < len(texts) else None
        from_s = words[-1].end_s if words else within.start_s
        until_s = max(from_s, after.start_s if after else within.end_s)
        words += _spread(texts[at:stop], Span(from_s, until_s))
        at = stop
    return tuple(words)


def _spread(texts: Sequence[str], over: Span) -> list[HeardWord]:
    shares = [len(text) for text in texts]
    words: list[HeardWord] = []
    done = 0
    for text, share in zip(texts, shares, strict=True):
        start_s = over.start_s + over.length_s * done / sum(shares)
        done += share
        words.append(HeardWord(start_s, over.start_s + over.length_s * done / sum(shares), text, aligned=False))
    return words
