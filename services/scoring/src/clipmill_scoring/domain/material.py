"""What there is to choose from: the candidates that a request leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.about import likeness, seen_likeness, threshold
from clipmill_scoring.domain.boundaries import Units, sentence_units, shot_units
from clipmill_scoring.domain.candidates import Candidates, candidates
from clipmill_scoring.domain.meaning import Embed
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Floats, Ints, Timeline


@dataclass(frozen=True)
class Material:
    """Units and runs of them; `spoken`: they are sentences. `about`: a candidate each, its likeness to the request."""

    units: Units
    these: Candidates
    spoken: bool
    about: Floats | None = None

    @property
    def first_word(self) -> Ints:
        """Each candidate's first word."""
        return self.units.first_word[self.these.first]

    @property
    def last_word(self) -> Ints:
        """The word after each candidate's last."""
        return self.units.last_word[self.these.last]


def material(timeline: Timeline, ask: Ask, min_s: float, max_s: float) -> Material:
    """Candidates of sentences; of shots where there are no words, or too few for a clip."""
    if timeline.words:
        units = sentence_units(timeline, max_s)
        these = candidates(units, min_s, max_s, ask.ranges)
        if len(these):
            return Material(units, these, spoken=True)
    units = shot_units(timeline, min_s, max_s)
    return Material(units, candidates(units, min_s, max_s, ask.ranges), spoken=False)


def only_about(found: Material, timeline: Timeline, request: str, embed: Embed) -> Material:
    """The candidates that are about the request; none where nothing is."""
    near = np.fmax(
        likeness(timeline, found.units, found.these, request, embed),
        seen_likeness(timeline, found.these, request, embed),
    )
    keep = near >= threshold(near)
    return Material(found.units, found.these.only(np.asarray(keep)), found.spoken, near[keep])
