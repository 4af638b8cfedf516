"""What a clip is about, against the rest of its video: keywords, and hashtags made of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from clipmill_scoring.domain.features.registry import is_english
from clipmill_scoring.domain.timeline import Word
from clipmill_scoring.domain.words import (
    CASUAL,
    CONTRAST,
    CURIOSITY,
    FIRST_PERSON,
    HALF_LEANING,
    LEANING,
    NUMBERS,
    SECOND_PERSON,
    SPEECH,
    bare,
    word_list,
)

MAX_KEYWORDS = 8
MAX_HASHTAGS = 5
# Shorter words are seldom what something is about; names may be short.
MIN_LETTERS = 4
# In a language whose small words are not listed, words in more than every fifth sentence are taken for such.
SMALL_SHARE = 0.2
# Written without spaces: what the recogniser calls a word is not one for readers.
UNSPACED = frozenset(["zh", "ja", "th", "lo", "km", "my"])
_SMALL = word_list(
    "about above across after again against all almost along already also always am among an any anybody anyone "
    "anything are around as at away back be became because become been before began behind being below between "
    "big both bring came can cent come comes could day did do does doing done down during each either else end "
    "enough even every everybody everyone everything far few find for found from full gave get gets getting give "
    "given gives go goes going gone good got great had happen happened happens has have having how however if in "
    "into is it itself keep kept knew know known knows large last later least leave left less let lets little "
    "long look looked looking looks lot lots made make makes making many may mean means might more much must need "
    "needed needs new next nobody now number of off often old on once one ones only other others our out over own "
    "part people per percent place point put quite read same saw see seem seems seen set several shall should "
    "show showed shown side since small so some somebody someone something sometimes somewhere soon still such "
    "take taken takes taking than the them themselves then there these they thing think thinking thinks thought "
    "through time times to today together told too took toward try trying turn turned turns under until up upon "
    "us use used using very want wanted wants was way ways week well went were when where whether will with "
    "within work works world would year years yet "
    "better bigger biggest smaller smallest faster fastest slower slowest longer longest shorter shortest higher "
    "highest lower lowest older oldest younger youngest earlier earliest easier easiest harder hardest cheaper "
    "cheapest stronger strongest greater greatest"
).union(FIRST_PERSON, SECOND_PERSON, SPEECH, CASUAL, CONTRAST, NUMBERS, CURIOSITY, LEANING, HALF_LEANING)


@dataclass(frozen=True)
class _Term:
    """A word, or a name of several; `key` is what counts as the same, `sentence` where it was said."""

    key: str
    shown: str
    sentence: int
    at: int
    is_name: bool


class Keywords:
    """Knows a video's words; tells what a part of them is about.

    A term counts the more the oftener the clip says it and the fewer sentences outside the clip do: TF-IDF with the
    sentences of the rest as its documents. It is a name, or a word that is said more than once.
    """

    def __init__(self, words: Sequence[Word], language: str) -> None:
        english = is_english(language)
        judged = () if language.split("-", 1)[0] in UNSPACED else words
        terms = list(_terms(judged, english=english))
        often = Counter(term.key for term in terms)
        names = {term.key for term in terms if term.is_name}
        self._terms = [term for term in terms if often[term.key] > 1 or term.key in names]
        self._sentences = 1 + sum(word.ends_sentence for word in words)
        self._in: dict[str, set[int]] = defaultdict(set)
        for term in self._terms:
            self._in[term.key].add(term.sentence)
        if not english:
            common = {k for k, where in self._in.items() if len(where) > max(2, SMALL_SHARE * self._sentences)}
            self._terms = [term for term in self._terms if term.key not in common]

    def of(self, *runs: tuple[int, int]) -> tuple[str, ...]:
        """The keywords of runs of words, begin to end - 1, the strongest first, at most MAX_KEYWORDS."""
        said = [term for term in self._terms if any(begin <= term.at < end for begin, end in runs)]
        times = Counter(term.key for term in said)
        here = {term.sentence for term in said}
        weight = {
            key: count * log((1 + self._sentences) / (1 + len(self._in[key] - here))) for key, count in times.items()
        }
        # Counters keep the order of first mention, which decides between equals.
        best = sorted(times, key=lambda key: -weight[key])[:MAX_KEYWORDS]
        return tuple(Counter(term.shown for term in said if term.key == key).most_common(1)[0][0] for key in best)


def hashtags(keywords: Sequence[str]) -> tuple[str, ...]:
    """The strongest keywords as hashtags, "#NewYork"; letters and digits only."""
    tags = ("".join(part[:1].upper() + part[1:] for part in _parts(keyword)) for keyword in keywords)
    return tuple(f"#{tag}" for tag in dict.fromkeys(tags) if tag and not tag.isdigit())[:MAX_HASHTAGS]


def _parts(keyword: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in keyword.replace("'", "")).split()


def _terms(words: Sequence[Word], *, english: bool) -> Iterator[_Term]:
    # "Look," she said: a word that is also written small is no name, but for "New" in "New York".
    small = {bare(word.text) for word in words if word.text[:1].islower()}
    sentence = 0
    name: list[str] = []
    begins = True
    for at, word in enumerate(words):
        plain = word.text.strip(".,;:?!…-–—()[]*'\"“”«»„").removesuffix("'s").removesuffix("’s")
        stem = bare(word.text).removesuffix("'s")
        # "I" and "I'm" are written large, too; German nouns are no names.
        is_name = english and not begins and plain[:1].isupper() and stem.split("'", 1)[0] not in FIRST_PERSON
        leads = word.text[-1:].isalnum() and at + 1 < len(words) and words[at + 1].text[:1].isupper()
        # Nor is "Does" one where a recogniser has put a comma for a full stop.
        is_name = is_name and (bool(name) or leads or stem not in small | _SMALL)
        if is_name:
            name.append(plain)
        ends = word.ends_sentence or word.text.endswith((",", ";", ":"))
        if name and (ends or not is_name):
            shown = " ".join(name)
            yield _Term(shown.lower(), shown, sentence, at if is_name else at - 1, is_name=True)
            name = []
        if not is_name and len(stem) >= MIN_LETTERS and stem.isalpha() and stem not in _SMALL:
            yield _Term(_singular(stem) if english else stem, stem, sentence, at, is_name=False)
        begins = word.ends_sentence
        sentence += word.ends_sentence
    if name:
        yield _Term(" ".join(name).lower(), " ".join(name), sentence, len(words) - 1, is_name=True)


def _singular(word: str) -> str:
    """Good enough to count "queues" as "queue"."""
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > MIN_LETTERS
    return word[:-1] if plural else word
