"""What is heard, with its times in seconds. A span is half-open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Span:
    """From `start_s` up to, not including, `end_s`."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def shifted(self, by_s: float) -> Span:
        return Span(self.start_s + by_s, self.end_s + by_s)

    def shared_s(self, other: Span) -> float:
        """Seconds that lie in both; 0 when they do not touch."""
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))


@dataclass(frozen=True)
class HeardWord(Span):
    """A word as written. `aligned`: its times were found in the sound, not spread between neighbours.

    `cut_after`: the line was cut here while somebody spoke on, so that its punctuation says nothing. `confidence`: the
    engine's, 0 to 1, where it has one.
    """

    text: str
    aligned: bool = True
    cut_after: bool = False
    confidence: float | None = None

    @property
    def centre_s(self) -> float:
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class Line(Span):
    """What the recogniser heard in one stretch of sound; neighbouring lines may share some of it."""

    words: tuple[HeardWord, ...]


def tidy(words: Sequence[HeardWord], within: Span) -> list[HeardWord]:
    """The same words inside `within`, in order, each start <= end, none overlapping the next.

    Two words that claim the same time meet in its middle.
    """
    tidied: list[HeardWord] = []
    for word in words:
        start_s = min(max(word.start_s, within.start_s), within.end_s)
        end_s = min(max(word.end_s, start_s), within.end_s)
        if tidied and tidied[-1].end_s > start_s:
            before = tidied[-1]
            meet_s = max(before.start_s, (min(before.end_s, end_s) + start_s) / 2)
            tidied[-1] = replace(before, end_s=meet_s)
            start_s, end_s = meet_s, max(meet_s, end_s)
        tidied.append(replace(word, start_s=start_s, end_s=end_s))
    return tidied
