"""The talk: who says what, and how the parts follow each other.

The text was written for Clipmill and has the project's licence. Numbers are written as words so that the truth needs no
normalisation, and every printed word is a word that is spoken. The arithmetic is right: a single server busy the fraction r
of the time holds r / (1 - r) customers on average (M/M/1), hence one, four, nine and nineteen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["host", "guest"]
EventKind = Literal["silence", "applause"]

SENTENCE_GAP_S = 0.32
"""Pause between two sentences of a turn when the line says nothing else, in seconds."""

TURN_GAP_S = 0.45
"""Pause between two turns when the line says nothing else, in seconds."""


@dataclass(frozen=True)
class Line:
    """One sentence. `gap_s` is the pause before it in seconds; None takes the usual one, 0 joins it to what came before."""

    speaker: Speaker
    text: str
    gap_s: float | None = None


@dataclass(frozen=True)
class Pause:
    """A stretch without words, `duration_s` seconds long: the room alone, or an audience clapping."""

    kind: EventKind
    duration_s: float


TALK: tuple[Line | Pause, ...] = (
    Line("host", "Why does the other line always move faster?", gap_s=0.6),
    Line("host", "I timed it for a month, and I lost nine times out of ten."),
    Line("guest", "You are not unlucky, you are outnumbered.", gap_s=0.0),
    Line("guest", "Picture four lines at the supermarket."),
    Line("guest", "You stand in one of them, so three times out of four the fastest line belongs to somebody else."),
    Line("guest", "That is not bad luck, that is arithmetic."),
    Line("host", "So what should the shop do about it?"),
    Line("guest", "Make one long line that feeds every cashier.", gap_s=0.0),
    Line("guest", "When one customer argues about a coupon, nobody is stuck, because the next person walks to the next free desk.",
         gap_s=0.0),
    Line("guest", "The same cashiers serve the same customers, and the average wait falls by more than half."),
    Line("host", "But the single line looks longer."),
    Line("guest", "It looks slower, but it is faster.", gap_s=0.0),
    Line("guest", "We judge a line by its length, and we should judge it by its speed."),
    Pause("silence", 2.6),
    Line("host", "Now here is the number that surprised me most.", gap_s=0.0),
    Line("host", "A cashier who is busy half of the time has one customer on average."),
    Line("host", "At eighty percent there are four, at ninety percent there are nine, and at ninety five percent there are nineteen.",
         gap_s=0.0),
    Line("host", "The last five percent costs more than the first ninety."),
    Line("guest", "So a team that is always busy is a team that is always late."),
    Line("guest", "I once wrote a program that finds the fastest line.", gap_s=0.9),
    Line("guest", "It ran for an hour, and when it finished, the shop was closed."),
    Pause("applause", 3.2),
    Line("host", "One last question, what can I do tomorrow?", gap_s=0.0),
    Line("guest", "Three things."),
    Line("guest", "First, count people and not carts, because paying takes longer than scanning."),
    Line("guest", "Second, leave some slack, in your shop and in your week.", gap_s=0.0),
    Line("guest", "And third, when you are waiting, look behind you."),
    Line("guest", "Somebody back there is sure that you picked the faster line.", gap_s=0.0),
    Line("host", "Then I have nothing left to complain about, thank you."),
    Pause("silence", 0.4),
    Pause("applause", 4.0),
)
"""The whole talk in order."""
