"""Which speaker said a word."""

from __future__ import annotations

from collections.abc import Iterable

from clipmill.audio.v1.audio_pb2 import SpeakerTurn, Word

# Words and turns are found by different models: a word may begin this long before its speaker's turn.
NEAR_S = 0.5


def speaker_of(word: Word, turns: Iterable[SpeakerTurn]) -> int | None:
    """The speaker whose turn shares most of the word, or is next to it; None where none is near."""

    def shared_s(turn: SpeakerTurn) -> float:
        """Below 0: how far apart they are."""
        return min(turn.range.end_s, word.end_s) - max(turn.range.start_s, word.start_s)

    best = max(turns, key=shared_s, default=None)
    return best.speaker if best is not None and shared_s(best) > -NEAR_S else None
