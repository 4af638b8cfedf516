"""How a clip stands among passages that could have been clips: of its own video, and of its owner's others.

No reference of other people's videos is needed, and none is made up: see ADR 46.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.timeline import Floats, Ints

# A percent of fewer says nothing.
MIN_PASSAGES = 20
# So many stand for a video's passages: a percent each.
SAMPLE = 100


@dataclass(frozen=True)
class Standing:
    """So many percent of the passages, all scored alike, score less; rounded down, to the tenth."""

    percent: float
    passages: int
    videos: int = 1


@dataclass(frozen=True)
class Others:
    """Passages of other videos: a row of shares each, as `preferences.shares` has them; how many it stands for."""

    shares: Floats
    weight: Floats
    videos: int

    def standings(self, scores: Floats, base: float, points: Floats) -> list[Standing | None]:
        """Of clips of these scores, where a feature adds at most these points."""
        # To the hundredth, as scores are made.
        among = base + np.round(self.shares * points, 2).sum(axis=1)
        return [standing(score, among, self.weight, videos=self.videos) for score in scores.tolist()]


def standing(
    score: float, among: Floats, weight: Floats | None = None, *, more: int = 0, videos: int = 1
) -> Standing | None:
    """A score among others, each of which stands for `weight` passages; `more` passages score less than all of them.

    None where they are fewer than MIN_PASSAGES.
    """
    # Scores are hundredths; what is less than half of one is rounding.
    less = among < score - 0.005
    below, passages = (less.sum(), len(among)) if weight is None else (weight[less].sum(), round(weight.sum()))
    if passages + more < MIN_PASSAGES:
        return None
    return Standing(float(np.floor(1000 * (below + more) / (passages + more)) / 10), passages + more, videos)


def sample(scores: Floats) -> Ints:
    """Which passages stand for all: SAMPLE, evenly from the lowest score to the highest; all where they are fewer."""
    size = min(len(scores), SAMPLE)
    places = ((np.arange(size) + 0.5) * len(scores) / max(size, 1)).astype(np.int64)
    chosen: Ints = np.argsort(scores, kind="stable")[places]
    return chosen
