"""Three views of a clip: does it catch, does it carry, does it give. Parts of the same score, measured alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clipmill_scoring.domain.explain import Added
from clipmill_scoring.domain.score import WEIGHTS, Weight

# What belongs to neither of them (the picture, the voice's level) counts in the score alone.
PARTS: Mapping[str, tuple[str, ...]] = {
    "hook": ("hook", "opening", "questions", "second_person"),
    "flow": (
        "closing", "answered", "edges", "unity", "duration_fit",
        "speech_rate", "pause_share", "energy_variation", "sentence_length", "word_length",
        "cuts", "joined",
    ),
    "value": ("first_person", "people", "dialogue", "charged", "casual", "contrast", "numbers"),
}  # fmt: skip


@dataclass(frozen=True)
class SubScores:
    """Each 0 to 100, 50 where its features are as usual; None where none of its features is known."""

    hook: float | None
    flow: float | None
    value: float | None


def sub_scores(features: Sequence[Added], weights: Mapping[str, Weight] = WEIGHTS) -> SubScores:
    """50, plus what the known features of a part added, as a share of the 50 points that they could add at most."""
    points = {feature.name: feature.points for feature in features}
    found: dict[str, float | None] = {}
    for part, names in PARTS.items():
        known = [name for name in names if name in points]
        most = sum(abs(weights[name].points) for name in known)
        found[part] = round(50 + 50 * sum(points[name] for name in known) / most, 2) if most else None
    return SubScores(**found)
