"""What there is to choose from: the candidates that a request leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.boundaries import Units, sentence_units, shot_units
from clipmill_scoring.domain.candidates import Candidates, candidates
from clipmill_scoring.domain.shortage import Ask, most_disjoint_of
from clipmill_scoring.domain.timeline import Timeline

# How sure it shall be that sentences begin and end where a clip does, the best first, and which share of the clips that
# there would be otherwise must be left: some clips with both ends right are better than all with some that are not.
SURE = ((0.9, 0.5), (0.85, 0.5), (0.8, 0.4), (0.7, 0.3), (0.5, 0.2), (1e-9, 0.2))


@dataclass(frozen=True)
class Material:
    """Units and runs of them; `spoken`: they are sentences. `room`: how many clips there would be if it were not asked
    how sure it is that they begin and end with sentences.
    """

    units: Units
    these: Candidates
    spoken: bool
    room: int = 0


def material(timeline: Timeline, ask: Ask, min_s: float, max_s: float) -> Material:
    """Candidates of sentences; of shots where there are no words, or too few for a clip."""
    if timeline.words:
        units = sentence_units(timeline, max_s)
        these = candidates(units, min_s, max_s, ask.ranges)
        if len(these):
            room = min(ask.clips, most_disjoint_of(these))
            return Material(units, _surest(units, these, room), spoken=True, room=room)
    units = shot_units(timeline, min_s, max_s)
    return Material(units, candidates(units, min_s, max_s, ask.ranges), spoken=False)


def _surest(units: Units, these: Candidates, room: int) -> Candidates:
    """Those that begin and end where it is surest that a sentence does, as long as they make enough clips."""
    sure = np.minimum(units.sure_start[these.first], units.sure_end[these.last])
    for least, share in SURE:
        kept = these.only(sure >= least)
        if len(kept) == len(these) or most_disjoint_of(kept) >= share * room:
            return kept
    return these
