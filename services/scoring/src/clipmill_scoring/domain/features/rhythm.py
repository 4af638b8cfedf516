"""How long, and how it is cut."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.definition import MANY, Columns, Feature, Seen, sums
from clipmill_scoring.domain.timeline import Floats

FEATURES: tuple[Feature, ...] = (
    Feature("duration_fit", "rhythm", "share", 1, 0, 1, "1 from 20 to 45 s, falling evenly to 0 at 5 s and at 120 s"),
    Feature("cuts", "rhythm", "per minute", 1, 0, MANY, "changes of shot inside the clip"),
    Feature("shot_rhythm", "rhythm", "share", 1, 0, MANY,
            "standard deviation over mean of the lengths of the shots that lie wholly in it; two at least"),
)  # fmt: skip
# Duration fit: (seconds, share).
_FIT = ((0.0, 5.0, 20.0, 45.0, 120.0), (0.0, 0.0, 1.0, 1.0, 0.0))


def measure(seen: Seen) -> Columns:
    """The features of rhythm."""
    these, shots = seen.these, seen.timeline.shots
    columns: Columns = {feature.name: seen.unknown() for feature in FEATURES}
    columns["duration_fit"] = fit(these.duration_s)
    if shots:
        at_s = np.array([shot.start_s for shot in shots[1:]])
        first, last = np.searchsorted(at_s, these.start_s, "right"), np.searchsorted(at_s, these.end_s, "left")
        columns["cuts"] = np.maximum(last - first, 0) * 60 / these.duration_s
        # Between n cuts lie n - 1 whole shots.
        length_s = np.diff(at_s)
        whole = np.maximum(last - 1, first)
        first, whole = np.minimum(first, len(length_s)), np.minimum(whole, len(length_s))
        count = (whole - first).astype(np.float64)
        count[count < 2] = np.nan
        mean_s = sums(length_s, first, whole) / count
        variance = np.maximum(sums(length_s**2, first, whole) / count - mean_s**2, 0.0)
        columns["shot_rhythm"] = np.sqrt(variance) / mean_s
    return columns


def fit(duration_s: Floats) -> Floats:
    """How well clips of these lengths can be watched."""
    return np.interp(duration_s, *_FIT)
