"""How sure a heard sentence end is: by what is said on either side of it, and by the pauses there and around.

A recogniser writes full stops where who reads the whole has commas. Two logistic formulas, fitted by
benchmarks/fit_endings.py on free texts and on readings of them: one weighs the words on either side (`signs`), the
other that sum and the pauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import exp, log
from statistics import median

from clipmill_audio.domain.ending_weights import BIAS, CERTAINTY, WEIGHTS

# A pause at all; less is between words.
PAUSE_S = 0.1
# The median one where there is none.
USUAL_S = 0.5
# Added to pauses, so that none is not endlessly unlikely: to a share, and to seconds.
LEAST_SHARE, LEAST_S = 0.05, 0.05
# So near, a longer pause elsewhere says that the sentence ended there.
NEAR_WORDS = 14
# Verbs that have a subject, seldom anything else: with none a passage is no sentence. Those in -ed count as well.
_FINITE = """
am is are was were be been has have had do does did will would shall should can could may might must cannot let
isn't aren't wasn't weren't hasn't haven't hadn't don't doesn't didn't won't wouldn't can't couldn't shouldn't
i'm i've i'll i'd you're you've you'll you'd he's she's it's we're we've we'll we'd they're they've they'll
they'd that's there's what's who's here's where's how's let's that'll it'll say said says think thought thinks
know knew knows go goes went come comes came make makes made get gets got take takes took see sees saw want
wants need needs find finds found give gives gave tell tells told ask asks feel feels felt mean means keep keeps
kept hold holds held stand stands stood believe believes call work works live lives become becomes became seem
seems look looks use like love thank lose lost begin began left put run runs ran set bring brings brought build
built grow grew try remember understand understood help helps start starts turn turns show shows heard hear play
move happen pay paid meet met include continue learn change lead led speak spoke read allow add spend spent walk
win won buy bought wait send sent expect stay fall fell cut reach deserve deserves remain remains
"""
FINITE = frozenset(_FINITE.split())
_SUFFIXES = ("ing", "ed", "ly", "tion", "s", "er", "al", "ment", "y")
_LENGTHS = (1, 2, 3, 5, 9, 16, 30)


def certainties(words: Sequence[str], ends: Sequence[bool], pauses_s: Sequence[float]) -> list[float | None]:
    """For each word that a sentence ends with by `ends`, from 0 to 1 how sure that is; None for the others.

    `words` are English; `pauses_s` are after each. After the last word all is over, which is sure.
    """
    found: list[float | None] = [None] * len(words)
    for stop, said in evidence(words, ends, pauses_s, BIAS, WEIGHTS):
        odds = CERTAINTY[0] + sum(weight * value for weight, value in zip(CERTAINTY[1:], said, strict=True))
        found[stop] = 1 / (1 + exp(-odds))
    if ends and ends[-1]:
        found[-1] = 1.0
    return found


def evidence(
    words: Sequence[str], ends: Sequence[bool], pauses_s: Sequence[float], bias: float, weights: Mapping[str, float]
) -> Iterator[tuple[int, tuple[float, float, float]]]:
    """Of each sentence end but the last word's: the sum of its signs' weights, and the logarithms of the pause beside
    the median one and beside the longest one near.
    """
    usual_s = median([pause for pause in pauses_s if pause > PAUSE_S] or [USUAL_S])
    stops = [number for number, end in enumerate(ends) if end and number + 1 < len(words)]
    for before, stop, after in zip([-1, *stops], stops, [*stops[1:], len(words) - 1], strict=False):
        text = sum(weights.get(sign, 0.0) for sign in signs(words[before + 1 : stop + 1], words[stop + 1 : after + 1]))
        near = [
            *pauses_s[max(before + 1, stop - NEAR_WORDS) : max(stop - 1, 0)],
            *pauses_s[stop + 2 : min(after, stop + 1 + NEAR_WORDS)],
        ]
        pause_s = pauses_s[stop]
        beside_near = (pause_s + LEAST_S) / (max(near, default=0.0) + LEAST_S)
        yield stop, (bias + text, log(pause_s / usual_s + LEAST_SHARE), log(beside_near))


def signs(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """What tells whether a sentence ends between these, by name: `left` since the last end, `right` up to the next."""
    one, other = [_plain(word) for word in left], [_plain(word) for word in right]
    clause = max((at + 1 for at, word in enumerate(left[:-1]) if word.endswith((",", ";", ":"))), default=0)
    until = next((at for at, word in enumerate(right, 1) if word.endswith((",", ";", ":"))), len(right))
    verb = next((at for at, word in enumerate(other) if _is_finite(word)), len(_LENGTHS) - 1)
    has_verb = [any(map(_is_finite, part)) for part in (one, one[clause:], other, other[:until])]
    return [
        *_of("next", other[0]),
        *_of("last", one[-1]),
        *_of("first", one[0]),
        *_of("clause", one[clause]),
        *(f"next {a} {b}" for a, b in pairwise(other[:2])),
        *(f"next {other[0]} -{_suffix(b)}" for b in other[1:2]),
        *(f"first {a} {b}" for a, b in pairwise(one[:2])),
        f"verbs {has_verb[0]:d}{has_verb[2]:d}",
        f"clause verbs {has_verb[1]:d}{has_verb[3]:d}",
        f"verb at {min(verb, 6)}",
        f"next {other[0]} verb at {min(verb, 6)}",
        f"left length {_bin(len(one))}",
        f"clause length {_bin(len(one) - clause)}",
        f"right length {_bin(len(other))}",
        f"right clause length {_bin(until)}",
        f"commas {min(3, sum(word.endswith(',') for word in left[:-1]))}",
    ]


def _of(place: str, word: str) -> tuple[str, str]:
    return f"{place} {word}", f"{place} -{_suffix(word)}"


def _suffix(word: str) -> str:
    return next((end for end in _SUFFIXES if word.endswith(end) and len(word) > len(end) + 1), "")


def _is_finite(word: str) -> bool:
    return word in FINITE or (word.endswith("ed") and len(word) > 4)


def _bin(length: int) -> int:
    return min(_LENGTHS, key=lambda at: abs(at - length))


def _plain(word: str) -> str:
    return word.lower().replace("’", "'").strip(".,?!;:\"'()…-") or word
