"""Sentence ends by text and pauses: what a recogniser that hears 15 s at a time writes is checked against the silence.

Most speakers pause longer after a sentence than at a comma. Where a part shows that (`pause_that_divides`), a comma
with a sentence's pause becomes a full stop and the reverse; where it does not, pauses say nothing, and only what no
speaker does is mended: a full stop in the middle of running words, or before a lower-case word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from clipmill_audio.domain.timed import HeardWord, Span

# Between words that run into each other even a voice activity model finds this much.
NO_PAUSE_S = 0.05
# Less is how the aligner places words that follow each other.
HESITATION_S = 0.1
# A pause at all: a misplaced stop belongs to one.
PAUSE_S = 0.2
# "so ..." within this time goes on with the sentence, where pauses tell no more.
GOES_ON_S = 0.3
NEAR_WORDS = 3
ENOUGH_PAUSES = 4
# How much longer the pause after sentences must be than at commas to tell one from the other.
APART = 1.5
SURELY_LONG, SURELY_SHORT = 1.2, 0.7
SHORTEST_SENTENCE_WORDS = 3
CONNECTIVES = frozenset(("and", "but", "so", "or", "because", "which", "nor", "although"))
OPENS_A_CLAUSE = frozenset(("when", "if", "unless", "whenever"))
# What no sentence ends with, however long a speaker looks for the next word.
UNFINISHED = CONNECTIVES | OPENS_A_CLAUSE | frozenset(
    ("a", "an", "the", "my", "your", "his", "our", "their", "of", "to", "at", "in", "for", "with", "from", "by", "um")
)  # fmt: skip
# What has a capital at the beginning of a sentence only: any other may be a name.
NO_NAMES = UNFINISHED | frozenset(
    (
        *("you", "we", "he", "she", "it", "they", "there", "here", "this", "that", "these", "those", "her", "its"),
        *("now", "then", "also", "what", "how", "why", "who", "where", "on", "as", "not", "no", "never", "maybe"),
    )
)


@dataclass(frozen=True)
class _Place:
    """After a word: its punctuation ("." "," "" or another), and the pause there, in seconds."""

    mark: str
    pause_s: float


def repaired(words: Sequence[HeardWord], speech: Sequence[Span]) -> list[HeardWord]:
    """The words of an English part with their punctuation mended; `speech` are the part's voice activity ranges.

    Neither words nor times change. Question and exclamation marks stay.
    """
    places = [_Place(_mark(word.text), pause) for word, pause in zip(words, pauses_s(words, speech), strict=True)]
    divides_s = pause_that_divides(places)
    marks = [place.mark for place in places]
    for at, place in enumerate(places[:-1]):
        if words[at].cut_after:
            continue
        if place.mark == "." and not _ends(words, places, at, divides_s):
            to = _moved(places, at, divides_s) if place.pause_s < NO_PAUSE_S else None
            marks[at] = "," if place.pause_s >= NO_PAUSE_S or to is None else ""
            if to is not None:
                marks[to] = "."
        elif place.mark == "," and _is_missed(words, marks, at, place.pause_s, divides_s):
            marks[at] = "."
    return _written(words, [place.mark for place in places], marks)


def pause_that_divides(places: Sequence[_Place]) -> float | None:
    """The pause, in seconds, that is as far from this part's inside sentences as from those after them; None where
    they are alike or few."""
    inside = [place.pause_s for place in places[:-1] if place.mark in ("", ",") and place.pause_s > HESITATION_S]
    after = [place.pause_s for place in places[:-1] if place.mark in (".", "?", "!") and place.pause_s > NO_PAUSE_S]
    if min(len(inside), len(after)) < ENOUGH_PAUSES or median(after) < APART * median(inside):
        return None
    return float((median(inside) * median(after)) ** 0.5)


def _ends(words: Sequence[HeardWord], places: Sequence[_Place], at: int, divides_s: float | None) -> bool:
    """Whether the full stop after a word ends a sentence."""
    pause_s, after = places[at].pause_s, words[at + 1].text
    if after[:1].islower() and pause_s < GOES_ON_S:
        return False
    if pause_s < NO_PAUSE_S and _near(places, at):
        return False
    goes_on = _plain(after) in CONNECTIVES or _is_clause_alone(words, places, at)
    if divides_s is None:
        return not (goes_on and pause_s < GOES_ON_S)
    return pause_s < NO_PAUSE_S or pause_s >= divides_s * (1 if goes_on else SURELY_SHORT)


def _is_clause_alone(words: Sequence[HeardWord], places: Sequence[_Place], at: int) -> bool:
    """Whether what ends here is a clause that leads to another ("when you are waiting")."""
    begin = at
    while begin and not places[begin - 1].mark:
        begin -= 1
    return _plain(words[begin].text) in OPENS_A_CLAUSE


def _near(places: Sequence[_Place], at: int) -> list[int]:
    """The places around with a pause and no punctuation of their own."""
    around = [*range(max(0, at - NEAR_WORDS), at), *range(at + 1, min(at + 1 + NEAR_WORDS, len(places) - 1))]
    return [i for i in around if places[i].pause_s >= PAUSE_S and not places[i].mark]


def _moved(places: Sequence[_Place], at: int, divides_s: float | None) -> int | None:
    """Where a stop in running words belongs; None where nothing near has a sentence's pause."""
    able = [i for i in _near(places, at) if divides_s is not None and places[i].pause_s >= divides_s]
    return max(able, key=lambda i: places[i].pause_s, default=None)


def _is_missed(
    words: Sequence[HeardWord], marks: Sequence[str], at: int, pause_s: float, divides_s: float | None
) -> bool:
    """Whether a sentence ends at this comma."""
    if divides_s is None or pause_s < divides_s * SURELY_LONG or _plain(words[at].text) in UNFINISHED:
        return False
    return all(mark in ("", ",") for mark in marks[max(0, at - SHORTEST_SENTENCE_WORDS + 1) : at])


def pauses_s(words: Sequence[HeardWord], speech: Sequence[Span]) -> list[float]:
    """The silence after each word: what the aligner leaves between two, or the voice activity finds between their
    middles, if that is more; the last has none."""
    pauses: list[float] = []
    first = 0
    for word, after in pairwise(words):
        between = Span(word.centre_s, after.centre_s)
        while first < len(speech) and speech[first].end_s <= between.start_s:
            first += 1
        spoken_s, number = 0.0, first
        while number < len(speech) and speech[number].start_s < between.end_s:
            spoken_s += speech[number].shared_s(between)
            number += 1
        pauses.append(max(after.start_s - word.end_s, between.length_s - spoken_s))
    return [*pauses, 0.0] if words else []


def _written(words: Sequence[HeardWord], before: Sequence[str], after: Sequence[str]) -> list[HeardWord]:
    written: list[HeardWord] = []
    for number, word in enumerate(words):
        text = word.text
        if before[number] != after[number]:
            text = text[: len(text) - len(before[number])] + after[number]
        if number and before[number - 1] != after[number - 1]:
            if after[number - 1] == ".":
                text = text[:1].upper() + text[1:]
            elif before[number - 1] == "." and _plain(text) in NO_NAMES:
                text = text[:1].lower() + text[1:]
        written.append(replace(word, text=text))
    return written


def _mark(text: str) -> str:
    return text[-1] if text[-1:] in (".", ",", "?", "!", ":", ";") and not text.endswith("...") else ""


def _plain(text: str) -> str:
    return text.rstrip(".,?!").casefold()
