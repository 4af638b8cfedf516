"""Weights of a registered version of the clip scorer, in the place of those set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from clipmill_models.clip_scorer import Scorer
from clipmill_scoring.domain.score import MOST_POINTS, WEIGHTS, Weight


def weights_from(scorer: Scorer | None) -> Mapping[str, Weight]:
    """The features of today with that version's weights; those that it does not know keep their own.

    Their sizes are scaled to add up to no more than MOST_POINTS, so that scores lie within 0 and 100; that changes no
    order of clips.
    """
    if scorer is None:
        return WEIGHTS
    found = dict(WEIGHTS)
    for name, weight in WEIGHTS.items():
        if points := scorer.features.get(name):
            found[name] = replace(weight, points=points.points, typical=points.typical, span=points.span)
    scale = min(1.0, MOST_POINTS / max(sum(abs(weight.points) for weight in found.values()), 1e-9))
    return {name: replace(weight, points=weight.points * scale) for name, weight in found.items()}
