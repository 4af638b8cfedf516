"""What a feature is, and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from clipmill_scoring.domain.boundaries import Units
from clipmill_scoring.domain.candidates import Candidates
from clipmill_scoring.domain.meaning import NOTHING_MEANT, Meaning
from clipmill_scoring.domain.spans import Spans
from clipmill_scoring.domain.timeline import Bools, Floats, Ints, Level, Timeline
from clipmill_scoring.domain.words import Marks, Valences, marks

OWNER = "clipmill-scoring"
MANY = float("inf")
# A column: a feature's value for each candidate, NaN where it cannot be known.
Columns = dict[str, Floats]


@dataclass(frozen=True)
class Feature:
    """A measure's definition: what live scoring, backfill and the consistency check share.

    Values lie within [low, high]. `version` rises when the same material is measured otherwise; `owner` is the
    distribution that answers for it. `english` ones are known for English words only.
    """

    name: str
    group: str
    unit: str
    version: int
    low: float
    high: float
    what: str
    english: bool = False
    owner: str = OWNER


@dataclass(frozen=True)
class Seen:
    """Candidates, and all that is known of their video."""

    timeline: Timeline
    units: Units
    these: Candidates
    meaning: Meaning = NOTHING_MEANT
    valences: Valences = field(default_factory=dict)

    @cached_property
    def marked(self) -> Marks:
        return marks(self.timeline.words, self.valences)

    @property
    def begin(self) -> Ints:
        """Each candidate's first word."""
        return self.units.first_word[self.these.first]

    @property
    def end(self) -> Ints:
        """The word after each candidate's last."""
        return self.units.last_word[self.these.last]

    def unknown(self) -> Floats:
        """A column of which nothing is known."""
        return np.full(len(self.these), np.nan)

    def over_shots(self, values: list[float]) -> Floats:
        """The mean over each candidate's time of a value that is constant in a shot (the last shot's goes on)."""
        starts_s = np.array([shot.start_s for shot in self.timeline.shots])
        value = np.array(values)
        areas = np.concatenate(([0.0], np.cumsum(value[:-1] * np.diff(starts_s))))

        def area(time_s: Floats) -> Floats:
            shot = np.maximum(np.searchsorted(starts_s, time_s, "right") - 1, 0)
            result: Floats = areas[shot] + value[shot] * (time_s - starts_s[shot])
            return result

        mean: Floats = (area(self.these.end_s) - area(self.these.start_s)) / self.these.duration_s
        return mean

    def share(self, spans: Spans | None) -> Floats:
        """Which share of each candidate's time these cover; unknown for None."""
        if spans is None:
            return self.unknown()
        if not spans:
            return np.zeros(len(self.these))
        edges_s = np.array(spans).ravel()
        steps_s = np.diff(edges_s, prepend=edges_s[0])
        # From one's end to the next one's start nothing is added.
        steps_s[::2] = 0
        covered_s = np.cumsum(steps_s)
        these = self.these
        within_s = np.interp(these.end_s, edges_s, covered_s) - np.interp(these.start_s, edges_s, covered_s)
        share: Floats = np.clip(within_s / these.duration_s, 0, 1)
        return share

    def cells(self, level: Level) -> tuple[Ints, Ints]:
        """The grid's cells whose middles lie in each candidate."""
        these = self.these
        begin = np.clip(np.ceil(these.start_s / level.step_s - 0.5), 0, len(level.values)).astype(np.int64)
        end = np.clip(np.ceil(these.end_s / level.step_s - 0.5), begin, len(level.values)).astype(np.int64)
        return begin, end


def sums(values: Bools | Floats, begin: Ints, end: Ints) -> Floats:
    """The sum of values[begin:end] for each pair, from one running sum."""
    running = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    total: Floats = running[end] - running[begin]
    return total
