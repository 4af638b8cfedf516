"""Signs that a transcript is not what was said: the engine makes English of any sound that it takes for speech.

What it makes of another language has words that English lacks ("espezos sentavo aporta") and loops ("the number of
the number of the"). Of 132 words in Spanish, 105 in French, 105 in Italian, 113 in German, 142 in Polish and 78 in
Portuguese (natural synthetic voices) 11 to 29 % are unknown, 0 to 44 % repeat the four before; of the words of 309
talks in English .6 % are unknown (at most 4.4 %), and noise at 2 dB under the speech changes neither. That the
aligner finds no word says less: it finds most of what was made of those languages, and 12 % of English in that noise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_NOT_FOUND = 0.3
MOST_REPEATED = 0.55
PASSAGE_WORDS = 30
RUN_WORDS = 4
# Below this there is too little to judge by.
ENOUGH_WORDS = 10
ENOUGH_SPEECH_S = 10.0
ENOUGH_FOR_LANGUAGE_WORDS = 30
# English is spoken at 2 to 4 words a second of speech; auctioneers reach 6.
FASTEST_PER_S = 6.0
SLOWEST_PER_S = 0.8
_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True)
class Transcript:
    """Plain words (no case, no punctuation), how many the aligner did not find, and the seconds of speech.

    `unknown` and `again` of them: see `unknown_words` and `said_again`.
    """

    words: Sequence[str]
    not_found: int
    speech_s: float
    unknown: int = 0
    again: int = 0


def doubts(transcript: Transcript) -> list[str]:
    """The reasons to doubt, as clauses for a sentence; empty when there is none."""
    reasons: list[str] = []
    count = len(transcript.words)
    if is_implausible(count, transcript.unknown, transcript.again):
        reasons.append(
            f"{transcript.unknown} of {count} words are not English and {transcript.again} repeat, "
            "as in another language"
        )
    elif count >= ENOUGH_WORDS and transcript.not_found / count > MOST_NOT_FOUND:
        reasons.append(f"{transcript.not_found / count:.0%} of the words do not fit the sound")
    if (share := repeated(transcript.words)) > MOST_REPEATED:
        reasons.append(f"somewhere {share:.0%} of what is written repeats itself")
    if transcript.speech_s >= ENOUGH_SPEECH_S:
        rate = count / transcript.speech_s
        if not SLOWEST_PER_S <= rate <= FASTEST_PER_S:
            reasons.append(f"{rate:.1f} words per second of speech are {'few' if rate < SLOWEST_PER_S else 'many'}")
    return reasons


def is_implausible(words: int, unknown: int, again: int) -> bool:
    """True when so many of `words` are unknown or said again that they are no English. The ledger asks the same of a
    whole job.

    An unknown word counts twice. Of 309 talks in English none comes to .2 a word, and of their passages of 50, 100 and
    200 words one in 1,000 comes to .39, .29 and .18; the six languages come to .35 to .73.
    """
    return words >= ENOUGH_FOR_LANGUAGE_WORDS and 2 * unknown + again > 0.2 * words + 10


def unknown_words(words: Sequence[str], knows: Callable[[str], bool]) -> int:
    """How many written words have a part that the dictionary lacks; numbers and signs have none."""
    return sum(any(not _is_known(piece, knows) for piece in _pieces(word)) for word in words)


def said_again(words: Sequence[str]) -> int:
    """How many plain words belong to RUN_WORDS in a row that the PASSAGE_WORDS before have, too."""
    again = [False] * len(words)
    last: dict[tuple[str, ...], int] = {}
    for start in range(len(words) - RUN_WORDS + 1):
        run = tuple(words[start : start + RUN_WORDS])
        if run in last and start - last[run] <= PASSAGE_WORDS:
            again[start : start + RUN_WORDS] = [True] * RUN_WORDS
        last[run] = start
    return sum(again)


def _pieces(word: str) -> list[str]:
    folded = unicodedata.normalize("NFC", word).casefold()
    return [piece.replace("’", "'") for piece in _LETTERS.findall(folded)]


def _is_known(piece: str, knows: Callable[[str], bool]) -> bool:
    return knows(piece) or (piece.endswith("'s") and knows(piece.removesuffix("'s")))


def repeated(words: Sequence[str]) -> float:
    """The largest share, in PASSAGE_WORDS in a row, of three words in a row that the same passage has before."""
    most = 0.0
    for start in range(len(words) - PASSAGE_WORDS + 1):
        passage = words[start : start + PASSAGE_WORDS]
        threes = [(first, *rest) for first, rest in zip(passage, pairwise(passage[1:]), strict=False)]
        most = max(most, 1 - len(set(threes)) / len(threes))
    return most
