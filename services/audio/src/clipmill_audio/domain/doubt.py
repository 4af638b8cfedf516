"""Signs that a transcript is not what was said: the engine makes English of any sound that it takes for speech.

Measured on synthetic Spanish, German, French and Polish, and on ten recordings of English: the aligner finds none of
the words that the engine made of the other languages, and 92 to 100 % of English ones; of 30 words in a row, the
engine's own loops repeat 79 to 89 % (it loops in three of the four languages), the opening of "A Tale of Two Cities"
32 %, other English 0 to 14 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_NOT_FOUND = 0.3
MOST_REPEATED = 0.55
PASSAGE_WORDS = 30
# Below this there is too little to judge by.
ENOUGH_WORDS = 10
ENOUGH_SPEECH_S = 10.0
# English is spoken at 2 to 4 words a second of speech; auctioneers reach 6.
FASTEST_PER_S = 6.0
SLOWEST_PER_S = 0.8


@dataclass(frozen=True)
class Transcript:
    """Plain words (no case, no punctuation), how many the aligner did not find, and the seconds of speech."""

    words: Sequence[str]
    not_found: int
    speech_s: float


def doubts(transcript: Transcript) -> list[str]:
    """The reasons to doubt, as clauses for a sentence; empty when there is none."""
    reasons: list[str] = []
    count = len(transcript.words)
    if count >= ENOUGH_WORDS and transcript.not_found / count > MOST_NOT_FOUND:
        reasons.append(f"{transcript.not_found / count:.0%} of the words do not fit the sound, as in another language")
    if (share := repeated(transcript.words)) > MOST_REPEATED:
        reasons.append(f"somewhere {share:.0%} of what is written repeats itself")
    if transcript.speech_s >= ENOUGH_SPEECH_S:
        rate = count / transcript.speech_s
        if not SLOWEST_PER_S <= rate <= FASTEST_PER_S:
            reasons.append(f"{rate:.1f} words per second of speech are {'few' if rate < SLOWEST_PER_S else 'many'}")
    return reasons


def repeated(words: Sequence[str]) -> float:
    """The largest share, in PASSAGE_WORDS in a row, of three words in a row that the same passage has before."""
    most = 0.0
    for start in range(len(words) - PASSAGE_WORDS + 1):
        passage = words[start : start + PASSAGE_WORDS]
        threes = [(first, *rest) for first, rest in zip(passage, pairwise(passage[1:]), strict=False)]
        most = max(most, 1 - len(set(threes)) / len(threes))
    return most
