"""The text part of the score, for a text alone."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.words import of_runs
from clipmill_scoring.domain.score import added
from clipmill_scoring.domain.words import marks, read


def text_points(texts: list[str]) -> list[float]:
    """The points that the features of the group "words" add to a clip with each text."""
    words = [read(text) for text in texts]
    ends = np.cumsum([len(each) for each in words], dtype=np.int64)
    begins = np.concatenate(([0], ends[:-1])).astype(np.int64)
    points = added(of_runs(marks([word for each in words for word in each]), begins, ends))
    total: list[float] = np.sum(list(points.values()), axis=0).tolist()
    return total
