"""What viewers and editors like, learnt event by event: Bayesian logistic regression, with decay.

A clip is a vector: 1, then each feature's share of what it can add, -1 to 1, 0 where it is unknown. The chance of a
good outcome is the logistic of its product with the weights, of which a normal distribution is kept. Before any event
they are those of the plain score, PER_POINT a point, so that an owner nobody knows gets the plain score, and few events
move little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from clipmill_scoring.domain.features.definition import Columns
from clipmill_scoring.domain.score import MOST_POINTS, WEIGHTS, Weight
from clipmill_scoring.domain.timeline import Floats, Ints

# A clip of 75 points then succeeds at odds of e^1 = 2.7 times those of one of 50: about twice as often, from .3.
PER_POINT = 0.04
# How far all viewers' weights are expected to lie from the plain ones, and an owner's from all viewers'.
PRIOR_SD = 0.4
# A clip of 50 points: nearly anything may be the usual share of good outcomes.
INTERCEPT_SD = 2.0
HALF_LIFE_S = 90 * 86_400.0
# Decay is caught up with in steps of at least this: it costs an inversion.
DECAY_STEP_S = 3600.0
# How many events of one owner count fully for all; after that each counts less, so that nobody drowns the others.
FULL_EVENTS = 200


@dataclass(frozen=True)
class Preferences:
    """A normal distribution of weights, the intercept's first, then those of `names`; how it came about."""

    names: tuple[str, ...]
    mean: Floats
    covariance: Floats
    events: int = 0
    # Unix seconds to which the decay has been caught up with.
    at_s: float = 0.0

    @cached_property
    def points(self) -> Mapping[str, float]:
        """What each feature can add at most; their sizes add up to no more than the plain ones'.

        Scaling all alike changes no order of clips.
        """
        raw = self.mean[1:] / PER_POINT
        scale = min(1.0, MOST_POINTS / max(float(np.abs(raw).sum()), 1e-9))
        return dict(zip(self.names, (raw * scale).tolist(), strict=True))

    def chance(self, clips: Floats) -> Floats:
        """The expected share of good outcomes of clips, a row each."""
        return _logistic(clips @ self.mean)


def prior(weights: Mapping[str, Weight] = WEIGHTS, at_s: float = 0.0) -> Preferences:
    """What is believed before any event."""
    mean = np.array([0.0, *(PER_POINT * weight.points for weight in weights.values())])
    return Preferences(tuple(weights), mean, _prior_covariance(len(weights)), at_s=at_s)


def of_owner(all_owners: Preferences, at_s: float) -> Preferences:
    """What is believed of an owner of whom nothing is known: that his viewers are like all."""
    return replace(all_owners, covariance=_prior_covariance(len(all_owners.names)), events=0, at_s=at_s)


def updated(before: Preferences, clip: Floats, good: float, weight: float) -> Preferences:
    """After an outcome of a clip: `good` is 0 to 1, `weight` how much it says (1: as much as a like).

    One Newton step from the mean (Laplace's approximation, as in Murphy, Probabilistic machine learning: advanced
    topics, 2023, 8.5), exact in the limit of many small ones.
    """
    spread = before.covariance @ clip
    chance = float(_logistic(np.asarray(clip @ before.mean)))
    curvature = weight * chance * (1 - chance)
    covariance = before.covariance - np.outer(spread, spread) * (curvature / (1 + curvature * float(clip @ spread)))
    mean = before.mean + covariance @ clip * (weight * (good - chance))
    return replace(before, mean=mean, covariance=covariance, events=before.events + 1)


def decayed(before: Preferences, towards: Preferences, now_s: float) -> Preferences:
    """What is left at `now_s`: of each event's evidence half after HALF_LIFE_S; the rest is belief as at first."""
    passed_s = now_s - before.at_s
    if passed_s < DECAY_STEP_S:
        return before
    left = 0.5 ** (passed_s / HALF_LIFE_S)
    kept = left * np.linalg.inv(before.covariance)
    fresh = (1 - left) * np.linalg.inv(_prior_covariance(len(before.names)))
    covariance = np.linalg.inv(kept + fresh)
    mean = covariance @ (kept @ before.mean + fresh @ towards.mean)
    return replace(before, mean=mean, covariance=(covariance + covariance.T) / 2, at_s=now_s)


def adapted(kept: Preferences, towards: Preferences) -> Preferences:
    """The same for the features of `towards`: those that came since are as it has them, those that went are gone."""
    if kept.names == towards.names:
        return kept
    there = {name: place for place, name in enumerate(kept.names, start=1)}
    pairs = [(0, 0), *((new, there[name]) for new, name in enumerate(towards.names, start=1) if name in there)]
    new, old = (np.array(side) for side in zip(*pairs, strict=True))
    mean, covariance = towards.mean.copy(), _prior_covariance(len(towards.names))
    mean[new] = kept.mean[old]
    covariance[np.ix_(new, new)] = kept.covariance[np.ix_(old, old)]
    return replace(kept, names=towards.names, mean=mean, covariance=covariance)


def for_all(events_of_owner: int) -> float:
    """What the next event of an owner counts for all owners' preferences."""
    return min(1.0, FULL_EVENTS / max(events_of_owner, 1))


def vector(names: Sequence[str], values: Mapping[str, float], weights: Mapping[str, Weight] = WEIGHTS) -> Floats:
    """A clip of which these features' values are known."""
    shares = [
        np.clip((values[name] - weights[name].typical) / weights[name].span, -1.0, 1.0) if name in values else 0.0
        for name in names
    ]
    return np.array([1.0, *shares])


def shares(values: Columns, rows: Ints, weights: Mapping[str, Weight] = WEIGHTS) -> Floats:
    """These rows of a table as they are learnt from, without the intercept's 1: rows x features."""
    unknown = np.full(len(rows), np.nan)
    columns = [
        np.clip((values[name][rows] - weight.typical) / weight.span if name in values else unknown, -1.0, 1.0)
        for name, weight in weights.items()
    ]
    known: Floats = np.nan_to_num(np.column_stack(columns))
    return known


def aligned(names: Sequence[str], clip: Floats) -> Floats:
    """A clip's vector over `names`, for the features of today."""
    today = tuple(WEIGHTS)
    if tuple(names) == today:
        return clip
    shares = dict(zip(names, clip[1:].tolist(), strict=True))
    return np.array([1.0, *(shares.get(name, 0.0) for name in today)])


def learned_weights(preferences: Preferences, weights: Mapping[str, Weight] = WEIGHTS) -> Mapping[str, Weight]:
    """The score's weights with the points that were learnt; features that came later keep their own."""
    points = preferences.points
    return {name: replace(weight, points=points.get(name, weight.points)) for name, weight in weights.items()}


def _prior_covariance(features: int) -> Floats:
    return np.diag([INTERCEPT_SD**2, *[PRIOR_SD**2] * features])


def _logistic(logit: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    return chance
