"""What there is to choose from: the candidates that a request leaves."""

from __future__ import annotations

from dataclasses import dataclass

from clipmill_scoring.domain.boundaries import Units, sentence_units, shot_units
from clipmill_scoring.domain.candidates import Candidates, candidates
from clipmill_scoring.domain.shortage import Ask, most_disjoint_of
from clipmill_scoring.domain.timeline import Timeline


@dataclass(frozen=True)
class Material:
    """Units and runs of them; `spoken`: they are sentences."""

    units: Units
    these: Candidates
    spoken: bool


def material(timeline: Timeline, ask: Ask, min_s: float, max_s: float) -> Material:
    """Candidates of sentences; of shots where there are no words, or too few for a clip."""
    if timeline.words:
        units = sentence_units(timeline, max_s)
        these = candidates(units, min_s, max_s, ask.ranges)
        if len(these):
            return Material(units, _clean(units, these, ask.clips), spoken=True)
    units = shot_units(timeline, min_s, max_s)
    return Material(units, candidates(units, min_s, max_s, ask.ranges), spoken=False)


def _clean(units: Units, these: Candidates, clips: int) -> Candidates:
    """Those that begin and end with sentences, where as many clips can be made of them as of all, or as are wanted."""
    clean = units.clean_start[these.first] & units.clean_end[these.last]
    if clean.all():
        return these
    kept = these.only(clean)
    return kept if most_disjoint_of(kept) >= min(clips, most_disjoint_of(these)) else these
