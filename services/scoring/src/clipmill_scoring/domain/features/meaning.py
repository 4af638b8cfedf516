"""What is meant: one subject or several, the same as all the rest or another."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.definition import Columns, Feature, Seen
from clipmill_scoring.domain.timeline import Floats

FEATURES: tuple[Feature, ...] = (
    Feature("unity", "meaning", "share", 1, 0, 1, "share of the words that the topic with the most of them has"),
    Feature("novelty", "meaning", "cosine", 1, -2, 2,
            "how much farther its sentences are from the video's middle than all are, mean over words"),
)  # fmt: skip


def measure(seen: Seen) -> Columns:
    """The features of what is meant; unknown without sentences to compare."""
    meaning, begin, end = seen.meaning, seen.begin, seen.end
    said = end > begin
    if not meaning.topics or not said.any():
        return {feature.name: seen.unknown() for feature in FEATURES}
    edges = np.array([*meaning.topics, len(seen.timeline.words)])
    first = np.searchsorted(edges, begin, side="right") - 1
    last = np.searchsorted(edges, end - 1, side="right") - 1
    most = np.zeros(len(begin))
    for step in range(int((last - first).max(initial=0)) + 1):
        topic = np.minimum(first + step, last)
        within = np.minimum(edges[topic + 1], end) - np.maximum(edges[topic], begin)
        most = np.maximum(most, within)
    unity: Floats = most / np.where(said, end - begin, np.nan)
    return {"unity": unity, "novelty": meaning.farness(begin, end)}
