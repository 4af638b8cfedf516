"""Signs that a transcript is not what was said: the engine makes English of any sound it takes for speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Below this there is too little to judge by.
ENOUGH_SPEECH_S = 10.0
ENOUGH_WORDS = 20
# English is spoken at 2 to 4 words a second of speech; auctioneers reach 6.
FASTEST_PER_S = 6.0
SLOWEST_PER_S = 0.8
# Made-up words are how the engine writes what it does not understand; names are 2 to 5 % of English.
MOST_UNKNOWN = 0.2
LOOP_TIMES = 5
LONGEST_LOOP_WORDS = 4


@dataclass(frozen=True)
class Transcript:
    """Plain words (no case, no punctuation), how many the dictionary does not have, and the seconds of speech."""

    words: Sequence[str]
    unknown: int
    speech_s: float


def doubts(transcript: Transcript) -> list[str]:
    """The reasons to doubt, as clauses for a sentence; empty when there is none."""
    reasons: list[str] = []
    count = len(transcript.words)
    if transcript.speech_s >= ENOUGH_SPEECH_S:
        rate = count / transcript.speech_s
        if not SLOWEST_PER_S <= rate <= FASTEST_PER_S:
            reasons.append(f"{rate:.1f} words per second of speech are {'few' if rate < 1 else 'many'}")
    if count >= ENOUGH_WORDS and transcript.unknown / count > MOST_UNKNOWN:
        reasons.append(f"{transcript.unknown / count:.0%} of the words are not in the English dictionary")
    if loop := repeated(transcript.words):
        reasons.append(f'"{" ".join(loop)}" repeats {LOOP_TIMES} times or more without anything between')
    return reasons


def repeated(words: Sequence[str]) -> Sequence[str]:
    """The first passage of one to four words that follows itself LOOP_TIMES times, or an empty one."""
    for length in range(1, LONGEST_LOOP_WORDS + 1):
        same = 0
        for at in range(length, len(words)):
            same = same + 1 if words[at] == words[at - length] else 0
            if same == length * (LOOP_TIMES - 1):
                return words[at - length + 1 : at + 1]
    return ()
