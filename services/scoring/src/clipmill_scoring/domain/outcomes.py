"""What an event says of its clip, and what a score is worth among an owner's outcomes."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.timeline import Floats

# With fewer clips whose outcome is known a percentile would only look like one.
MIN_OUTCOMES = 30


class Kind(enum.Enum):
    """What was done with a clip; the values are the messages'."""

    VIEW = 1
    WATCH_TIME = 2
    COMPLETION = 3
    LIKE = 4
    SHARE = 5
    KEEP = 6
    REJECT = 7


@dataclass(frozen=True)
class Outcome:
    """How good it was, 0 to 1, and how much that says; a like says 1."""

    good: float
    weight: float


# A view alone says little, but many without likes say something. Who edits has seen it all: that counts more.
_SAYS = {
    Kind.VIEW: Outcome(0.0, 0.05),
    Kind.LIKE: Outcome(1.0, 1.0),
    Kind.SHARE: Outcome(1.0, 2.0),
    Kind.KEEP: Outcome(1.0, 2.0),
    Kind.REJECT: Outcome(0.0, 2.0),
}


def outcome(kind: Kind, value: float, duration_s: float) -> Outcome:
    """What an event says of a clip that lasts `duration_s`. ValueError for a value that cannot be."""
    if kind is Kind.COMPLETION and not 0 <= value <= 1:
        raise ValueError(f"a completion of {value} is no share")
    if kind is Kind.WATCH_TIME and not 0 <= value < float("inf"):
        raise ValueError(f"{value} s cannot be watched")
    if kind is Kind.COMPLETION:
        return Outcome(value, 1.0)
    if kind is Kind.WATCH_TIME:
        # Who watches twice has not watched more than all of it.
        return Outcome(min(value / duration_s, 1.0), 1.0)
    return _SAYS[kind]


def percentiles(scores: Floats, known_scores: Floats, known_good: Floats, weights: Floats) -> Floats | None:
    """Of the clips whose outcomes are known, the share in percent that a clip of each score is expected to outdo.

    The expected outcome is calibrated on them: the isotonic regression of outcomes on scores (pool adjacent
    violators), linear in between. Clips with the same outcome are outdone by half. None with fewer than MIN_OUTCOMES.
    """
    if len(known_scores) < MIN_OUTCOMES:
        return None
    # Late: few need it.
    from scipy.optimize import isotonic_regression  # type: ignore[import-untyped]

    order = np.argsort(known_scores, kind="stable")
    fitted = isotonic_regression(known_good[order], weights=weights[order]).x
    expected = np.interp(scores, known_scores[order], fitted)
    ranked = np.sort(fitted)
    below = np.searchsorted(ranked, expected, side="left") + np.searchsorted(ranked, expected, side="right")
    share: Floats = 50.0 * below / len(ranked)
    return share
