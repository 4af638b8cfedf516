"""What is said, word by word: the marks that the word features count.

The lists are short, English and written by hand from what is known of lively speech (people, their words, their
feelings, the listener), not taken from or fitted to any data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from clipmill_scoring.domain.timeline import Bools, Floats, Word


def word_list(words: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(words.split())


FIRST_PERSON = word_list("i me my mine myself we us our ours ourselves")
SECOND_PERSON = word_list("you your yours yourself yourselves")
PEOPLE = word_list(
    "he him his himself she her hers herself somebody someone everybody everyone nobody "
    "man men woman women guy guys girl girls boy boys kid kids child children baby babies lady gentleman gentlemen "
    "mom mum mother dad father parents wife husband brother sister son daughter uncle aunt cousin grandma grandmother "
    "grandpa grandfather family friend friends boyfriend girlfriend neighbor neighbour boss colleague teacher doctor"
)
SPEECH = word_list(
    "say says said saying tell tells told telling ask asks asked asking answer answered reply replied shout shouted "
    "yell yelled whisper whispered scream screamed talk talked laugh laughed laughing joke joked joking call called"
)
CASUAL = word_list(
    "oh ah uh hey hi hello wow yeah yes no nope well okay ok please sorry thank thanks gonna wanna gotta kinda really "
    "actually just like maybe guess sure right stuff thing things pretty totally basically literally honestly anyway"
)
CHARGED = word_list(
    "love loved loves hate hated hates fear afraid scared scary angry mad furious happy sad cry cried crying proud "
    "ashamed shame embarrassed embarrassing crazy insane amazing awesome incredible unbelievable wonderful beautiful "
    "brilliant fantastic perfect terrible horrible awful ugly disgusting stupid idiot silly funny hilarious weird "
    "strange ridiculous absurd shocking shocked surprise surprised surprising secret secretly worst best never ever "
    "die died dead death kill killed hell god damn sex naked drunk fat wrong mistake fail failed failure lie lied "
    "dangerous disaster nightmare dream miracle alone lonely hurt pain broken lost brave courage hope"
)
CONTRAST = word_list(
    "but yet however instead although though except unless despite rather whereas while otherwise not never none "
    "neither nor without cannot"
)
NUMBERS = word_list(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion percent "
    "half twice double third first second last"
)
CURIOSITY = word_list(
    "why how what who imagine picture guess secret truth problem reason mistake nobody never always most best worst "
    "biggest surprised surprising wrong really here listen look stop remember"
)
# A clip that begins so leans on what was said before it.
LEANING = word_list("and or because which whom whose than nor also plus therefore thus hence")
HALF_LEANING = word_list("so but then it he she they this these those that him her them its their such there")

# What words feel like, -4 to 4, of those that a lexicon judges; in lower case.
Valences = Mapping[str, float]
NO_VALENCES: Valences = MappingProxyType({})

_QUOTES = '"“”«»„'
_VOWELS = re.compile(r"[aeiouy]+")
_ENDS = re.compile(r"[.?!…][\"'”’»)\]]*$")


@dataclass(frozen=True)
class Marks:
    """For n words, whether each is of a kind; `letters` counts letters and digits, `valence` is 0 if unknown."""

    first_person: Bools
    second_person: Bools
    people: Bools
    speech: Bools
    quote: Bools
    casual: Bools
    charged: Bools
    exclaims: Bools
    contrast: Bools
    number: Bools
    curiosity: Bools
    asks: Bools
    ends: Bools
    letters: Floats
    syllables: Floats
    valence: Floats


def marks(words: Sequence[Word], valences: Valences = NO_VALENCES) -> Marks:
    """Mark each word; all of them English ones, except `asks`, `exclaims`, `quote` and `ends`."""
    plain = [bare(word.text) for word in words]
    # "we're" counts as "we", "boss's" as "boss"; "don't" stays, as a negation.
    stems = [text if text.endswith("n't") else text.split("'", 1)[0] for text in plain]

    def among(kind: frozenset[str]) -> Bools:
        return np.fromiter((stem in kind for stem in stems), np.bool_, len(stems))

    def holds(signs: str) -> Bools:
        return np.fromiter((any(sign in word.text for sign in signs) for word in words), np.bool_, len(words))

    return Marks(
        first_person=among(FIRST_PERSON),
        second_person=among(SECOND_PERSON),
        people=among(PEOPLE),
        speech=among(SPEECH),
        quote=holds(_QUOTES),
        casual=among(CASUAL),
        charged=among(CHARGED),
        exclaims=holds("!"),
        contrast=among(CONTRAST) | np.array([stem.endswith("n't") for stem in stems], dtype=np.bool_),
        number=among(NUMBERS) | np.array([any(c.isdigit() for c in stem) for stem in stems], dtype=np.bool_),
        curiosity=among(CURIOSITY),
        asks=holds("?"),
        ends=np.array([word.ends_sentence for word in words], dtype=np.bool_),
        letters=np.array([sum(map(str.isalnum, text)) for text in plain], dtype=np.float64),
        syllables=np.array([_syllables(stem) for stem in stems], dtype=np.float64),
        valence=np.array([valences.get(stem, 0.0) for stem in stems], dtype=np.float64),
    )


@lru_cache(maxsize=1 << 15)
def _syllables(stem: str) -> int:
    """Runs of vowels, an e at the end apart; one at least."""
    count = len(_VOWELS.findall(stem))
    silent = stem.endswith("e") and not stem.endswith(("le", "ee", "oe")) and count > 1
    return max(1, count - silent)


def bare(text: str) -> str:
    """A word without its punctuation, in lower case; apostrophes inside it stay."""
    return text.lower().replace("’", "'").strip(".,;:?!…-–—()[]*'" + _QUOTES)


def read(text: str) -> tuple[Word, ...]:
    """The words of a written text, without times: its sentences end where its punctuation says."""
    return tuple(Word(token, 0.0, 0.0, bool(_ENDS.search(token))) for token in text.split() if bare(token))
