"""Every clip that could be made: the runs of units whose duration is within the asked range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.boundaries import Units
from clipmill_scoring.domain.ranges import Ranges, inside
from clipmill_scoring.domain.timeline import Bools, Floats, Ints

# At most this many are scored: a two-hour talk has about 20,000. Beyond it each beginning keeps fewer endings,
# spread evenly over the durations.
MAX_CANDIDATES = 100_000


@dataclass(frozen=True)
class Candidates:
    """n candidates in order of beginning, then ending: candidate k is the run of the units first[k] to last[k]."""

    first: Ints
    last: Ints
    start_s: Floats
    end_s: Floats
    # How many there would be without the bound.
    found: int

    def __len__(self) -> int:
        return len(self.first)

    def only(self, keep: Bools) -> Candidates:
        """Those for which `keep` is true."""
        return Candidates(
            self.first[keep], self.last[keep], self.start_s[keep], self.end_s[keep], int(keep.sum()) + self.left_out
        )

    def with_more(self, others: Candidates) -> Candidates:
        """These, then the others."""
        return Candidates(
            np.concatenate((self.first, others.first)),
            np.concatenate((self.last, others.last)),
            np.concatenate((self.start_s, others.start_s)),
            np.concatenate((self.end_s, others.end_s)),
            self.found + others.found,
        )

    @property
    def left_out(self) -> int:
        """How many the bound left out."""
        return self.found - len(self)

    @property
    def duration_s(self) -> Floats:
        return self.end_s - self.start_s


def candidates(
    units: Units, min_s: float, max_s: float, ranges: Ranges = (), *, limit: int = MAX_CANDIDATES
) -> Candidates:
    """The runs of units that last from `min_s` to `max_s` seconds, both included, inside `ranges`; at most `limit`."""
    if not len(units):
        return _candidates(units, np.zeros(0, np.int64), np.zeros(0, np.int64), 0)
    firsts = np.arange(len(units), dtype=np.int64)
    # Searched a unit too far on either side, then checked by the very subtraction that readers will do.
    low = np.maximum(np.searchsorted(units.end_s, units.start_s + min_s, side="left") - 1, firsts)
    high = np.minimum(np.searchsorted(units.end_s, units.start_s + max_s, side="right") + 1, len(units))
    lengths = np.maximum(high - low, 0)
    first = np.repeat(firsts, lengths)
    last = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(low, lengths)
    duration_s = units.end_s[last] - units.start_s[first]
    fits = (duration_s >= min_s) & (duration_s <= max_s) & (duration_s > 0)
    fits &= inside(units.start_s[first], units.end_s[last], ranges)
    first, last = first[fits], last[fits]
    found = len(first)
    if found > limit:
        counts = np.bincount(first, minlength=len(units))
        rank = np.arange(found) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = max(1, limit // int((counts > 0).sum()))
        total = counts[first]
        # Of `total` endings keep those where an even spread of `kept` steps up.
        keep = (rank * kept) // total != ((rank - 1) * kept) // total
        first, last = first[keep][:limit], last[keep][:limit]
    return _candidates(units, first, last, found)


def _candidates(units: Units, first: Ints, last: Ints, found: int) -> Candidates:
    return Candidates(first, last, units.start_s[first], units.end_s[last], found)
