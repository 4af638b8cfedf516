"""What counts more, and what less, in some kinds of videos: factors of the score's points, as data.

Set by hand from what these kinds live on; fitted to nothing. What owners' viewers teach is learnt on top of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from clipmill_scoring.domain.score import WEIGHTS, Weight

GENRES: Mapping[str, Mapping[str, float]] = {
    # Two people talk: stories, scenes, turns.
    "interview": {"dialogue": 1.5, "people": 1.5, "answered": 3, "questions": 1.5, "second_person": 0.5, "cuts": 0.5},
    "podcast": {"dialogue": 1.5, "casual": 1.5, "first_person": 1.25, "motion": 0, "cuts": 0, "answered": 2},
    # One person explains: clear, concrete, complete.
    "lecture": {"numbers": 4, "questions": 1.5, "unity": 3, "casual": 0.5, "charged": 0.5, "motion": 0.5},
    "tutorial": {"second_person": 2, "unity": 3, "numbers": 2, "charged": 0.5, "face_share": 0.25, "sharpness": 2},
    # It has to be funny, or moving.
    "comedy": {"dialogue": 2, "charged": 1.5, "casual": 1.5, "energy_variation": 2, "closing": 1.5, "numbers": 0},
    "story": {"first_person": 1.5, "people": 1.5, "opening": 1.5, "closing": 1.5, "contrast": 2, "numbers": 0.5},
    # What happens counts, not what is said.
    "action": {"motion": 6, "cuts": 4, "energy": 3, "first_person": 0.5, "people": 0.5, "sentence_length": 0},
}


def weights_of(genre: str, weights: Mapping[str, Weight] = WEIGHTS) -> Mapping[str, Weight]:
    """The weights for a genre, their sizes adding up to as many points as before; unchanged for "".

    KeyError for a genre that is not known.
    """
    if not genre:
        return weights
    factors = GENRES[genre]
    points = {name: weight.points * factors.get(name, 1) for name, weight in weights.items()}
    scale = sum(abs(weight.points) for weight in weights.values()) / sum(map(abs, points.values()))
    return {name: replace(weight, points=points[name] * scale) for name, weight in weights.items()}
