"""Where to cut the sound for hearing it, so that memory does not grow with the part's length.

A cut lies in a silence, where no word is. Somebody who speaks without a pause for a minute is cut anyway; then the
next window begins a little earlier, and the words that both hear are joined like those of any two lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clipmill_audio.domain.activity import ENDS_BELOW
from clipmill_audio.domain.utterances import SHARED_S

# Long enough that few utterances meet a cut, short enough for steady progress.
AIM_S = 30.0
LONGEST_S = 60.0
SHORTEST_S = 10.0
PAUSE_S = 0.3


@dataclass(frozen=True)
class Cut:
    """In steps from the window's beginning: it ends before `end`, the next begins at `next_start` <= `end`."""

    end: int
    next_start: int


def cut(probabilities: Sequence[float], step_s: float) -> Cut | None:
    """The cut of a window whose steps have these probabilities of speech, or None while it should grow.

    It lies in the middle of the longest silence that is not near the window's beginning.
    """
    length_s = len(probabilities) * step_s
    if length_s < AIM_S:
        return None
    quiet, longest, middle = 0, 0, 0
    for step in range(int(SHORTEST_S / step_s), len(probabilities)):
        quiet = quiet + 1 if probabilities[step] < ENDS_BELOW else 0
        if quiet > longest:
            longest, middle = quiet, step - quiet // 2
    if longest * step_s >= PAUSE_S:
        return Cut(middle, middle)
    if length_s < LONGEST_S:
        return None
    return Cut(len(probabilities), len(probabilities) - round(SHARED_S / step_s))
