"""Names written as given, where an engine that takes none has written what sounds nearly the same.

Only a word that English lacks is taken for a misheard name when it sounds a little otherwise; words of English have to
sound the same, as "clip mill" does for Clipmill.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from clipmill_audio.domain.timed import HeardWord

# Shares of a name's sounds that may be other ones, where one of the words is not English and where all are.
UNKNOWN_MAY_DIFFER = 0.28
KNOWN_MAY_DIFFER = 0.05
# Short names sound like too much else.
LEAST_SOUNDS = 4
# A vowel is misheard for another one, and a consonant for its voiced twin, more than for anything else.
ALIKE = 0.4
_VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
_TWINS = frozenset(
    frozenset(pair.split())
    for pair in ("P B", "T D", "K G", "F V", "S Z", "SH ZH", "CH JH", "TH DH", "M N", "S SH", "N NG")
)
_EDGES = re.compile(r"(\W*)(.*?)((?:['’]s)?\W*)", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

Sounds = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Term:
    """A name as it is to be written, and its sounds."""

    text: str
    sounds: tuple[str, ...]


def terms(vocabulary: Iterable[str], sounds: Sounds) -> list[Term]:
    """Those of the vocabulary that can be told by their sounds; `sounds` says those of a written word."""
    known = [Term(text, tuple(sound for word in text.split() for sound in sounds(word))) for text in vocabulary]
    return [term for term in known if len(term.sounds) >= LEAST_SOUNDS]


def with_names(
    words: Sequence[HeardWord], known: Sequence[Term], sounds: Sounds, is_english: Callable[[str], bool]
) -> list[HeardWord]:
    """The words with names written as given. A name that was heard as several words is one again, or as many as it has.

    `is_english` is asked for lower-case words without punctuation.
    """
    most = max((len(term.text.split()) for term in known), default=0) + 2
    near = [_best(words[at : at + most], known, sounds, is_english) for at in range(len(words))]
    written: list[HeardWord] = []
    at = 0
    while at < len(words):
        found = near[at]
        # "to Nairobi" sounds a little like Nairobi; "Nairobi" does more.
        if found and not any(later and later.share < found.share for later in near[at + 1 : at + found.words]):
            written += _as(found.term, words[at : at + found.words])
            at += found.words
        else:
            written.append(words[at])
            at += 1
    return written


@dataclass(frozen=True)
class _Found:
    """A name that some words sound like, and the share of its sounds that are others."""

    term: Term
    words: int
    share: float


def _best(
    words: Sequence[HeardWord], known: Sequence[Term], sounds: Sounds, is_english: Callable[[str], bool]
) -> _Found | None:
    """The name that the first of `words` sound like; None where none is near enough."""
    best: _Found | None = None
    heard: list[str] = []
    english = True
    for count, word in enumerate(words, 1):
        _, bare, after = _parts(word.text)
        if not _WORD.fullmatch(bare):
            break
        heard += sounds(bare)
        english = english and is_english(bare.lower())
        may_differ = KNOWN_MAY_DIFFER if english else UNKNOWN_MAY_DIFFER
        for term in known:
            share = _distance(heard, term.sounds, may_differ * len(term.sounds)) / len(term.sounds)
            if share <= may_differ and (best is None or share < best.share):
                best = _Found(term, count, share)
        if after:
            # Nobody is called over a comma.
            break
    return best


def _as(term: Term, heard: Sequence[HeardWord]) -> Iterator[HeardWord]:
    """The name over the time of what was heard, with the punctuation around that."""
    before, after = _parts(heard[0].text)[0], _parts(heard[-1].text)[2]
    texts = term.text.split()
    texts[0], texts[-1] = before + texts[0], texts[-1] + after
    start_s, end_s = heard[0].start_s, heard[-1].end_s
    if len(texts) == len(heard):
        yield from (replace(word, text=text) for word, text in zip(heard, texts, strict=True))
        return
    letters = sum(len(text) for text in texts)
    for text in texts:
        until_s = start_s + (end_s - heard[0].start_s) * len(text) / letters
        yield replace(heard[-1], text=text, start_s=start_s, end_s=until_s, cut_after=False)
        start_s = until_s


def _parts(text: str) -> tuple[str, str, str]:
    """What is before a word, the word, and what is after it: punctuation, and the 's of a genitive."""
    found = _EDGES.fullmatch(text)
    assert found, "every text matches"
    return found.group(1), found.group(2), found.group(3)


def _distance(heard: Sequence[str], wanted: Sequence[str], most: float) -> float:
    """What it takes to make one of the other: a sound 1, an alike one ALIKE. Beyond `most` it may be any more."""
    if abs(len(heard) - len(wanted)) > most:
        return most + 1
    row = [float(index) for index in range(len(wanted) + 1)]
    for sound in heard:
        above, row = row, [row[0] + 1]
        for index, other in enumerate(wanted):
            row.append(min(above[index] + _cost(sound, other), above[index + 1] + 1, row[index] + 1))
    return row[-1]


def _cost(sound: str, other: str) -> float:
    if sound == other:
        return 0.0
    alike = (sound in _VOWELS and other in _VOWELS) or frozenset((sound, other)) in _TWINS
    return ALIKE if alike else 1.0
