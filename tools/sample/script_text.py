"""The screenplay of the sample: who says what, what is on the picture, and how the parts follow each other.

The text was written for Clipmill and has the project's licence. Numbers are written as words so that the truth needs no
normalisation. The arithmetic is right: a counter busy the fraction r of the time holds r / (1 - r) customers on average
(the M/M/1 queue), hence one, four, nine and nineteen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["host", "guest"]
EventKind = Literal["silence", "applause"]
ShotKind = Literal["wide", "close_host", "close_guest", "slide"]
Transition = Literal["cut", "dissolve"]

SENTENCE_GAP_S = 0.32
"""Pause between two sentences of one turn when a line says nothing else, in seconds."""

TURN_GAP_S = 0.45
"""Pause between two turns when a line says nothing else, in seconds."""

JOINED_S = 0.04
"""What "no pause" means: the next word starts this many seconds after the last one ended."""


@dataclass(frozen=True)
class Line:
    """One sentence.

    `gap_s` is the pause before it (None: the usual one). `shot` names the picture that starts with the line,
    `shot_lead_s` seconds before its first word (negative: after it): editors do not always cut on the word.
    """

    speaker: Speaker
    text: str
    gap_s: float | None = None
    shot: ShotKind | None = None
    shot_lead_s: float = 0.12
    transition: Transition = "cut"


@dataclass(frozen=True)
class Pause:
    """A stretch of `duration_s` seconds without words: the room alone, or an audience clapping."""

    kind: EventKind
    duration_s: float
    shot: ShotKind | None = None


SLIDE_TITLE = "Customers at one counter"
SLIDE_ROWS = (("50 % busy", 1), ("80 % busy", 4), ("90 % busy", 9), ("95 % busy", 19))
"""The slide's text: how busy the counter is, and the average number of customers at it."""

TALK: tuple[Line | Pause, ...] = (
    Line("host", "Why does the other line always move faster?", gap_s=0.6),
    Line("host", "I kept count for a month, and I lost nine times out of ten."),
    Line("guest", "You are not unlucky, you are outnumbered.", gap_s=JOINED_S, shot="close_guest"),
    Line("guest", "Picture four lines at the supermarket."),
    Line("guest", "You stand in one of them, so three times out of four the fastest line belongs to somebody else."),
    Line("guest", "That is not bad luck, that is arithmetic."),
    Line("host", "So what should the shop do about it?", shot="close_host", shot_lead_s=0.3),
    Line("guest", "Make one long line for all the counters.", gap_s=JOINED_S, shot="close_guest", shot_lead_s=-0.4),
    Line(
        "guest",
        "When one customer argues about a coupon, nobody is stuck, because the next person simply walks to "
        "the next free counter.",
        gap_s=JOINED_S,
    ),
    Line(
        "guest",
        "You pay for the same people, and the average wait falls by more than half.",
        shot="wide",
        shot_lead_s=-1.2,
    ),
    Line("host", "But the single line looks longer."),
    Line("guest", "It looks slower, but it is faster.", gap_s=JOINED_S, shot="close_guest"),
    Line("guest", "We judge a line by its length, and we should judge it by its speed."),
    Pause("silence", 2.6, shot="slide"),
    Line("host", "Now here is the number that surprised me most.", gap_s=0.0),
    Line("host", "A counter that is busy half of the time has one customer on average."),
    Line(
        "host",
        "At eighty percent there are four, at ninety percent there are nine, and at ninety five percent there "
        "are nineteen.",
        gap_s=JOINED_S,
    ),
    Line("host", "The last five percent costs more than the first ninety."),
    Line(
        "guest",
        "So a team that is always busy is a team that is always late.",
        shot="wide",
        shot_lead_s=0.7,
        transition="dissolve",
        gap_s=0.7,
    ),
    Line("guest", "I once wrote a program that finds the fastest line.", gap_s=0.9, shot="close_guest"),
    Line("guest", "It ran for an hour, and when it was done, the shop was closed."),
    Pause("applause", 3.2, shot="wide"),
    Line("host", "One last question, what can I do tomorrow?", gap_s=0.0, shot="close_host", shot_lead_s=0.2),
    Line("guest", "Three things.", shot="close_guest"),
    Line("guest", "First, count people and not carts, because paying takes longer than scanning."),
    Line("guest", "Second, leave some slack, in your shop and in your week.", gap_s=JOINED_S),
    Line("guest", "And third, when you are waiting, look behind you."),
    Line("guest", "Somebody back there is sure that you picked the faster line.", gap_s=JOINED_S),
    Line("host", "Then I have nothing left to complain about, thank you.", shot="wide", shot_lead_s=0.1),
    Pause("applause", 4.0),
)
"""The whole talk in order. It opens on the wide shot."""

FIRST_SHOT: ShotKind = "wide"
DISSOLVE_FRAMES = 20
"""Length of the dissolve in frames; on the frame after it the new shot is alone."""
