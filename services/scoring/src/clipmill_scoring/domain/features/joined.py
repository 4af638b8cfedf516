"""What is known of a clip of two pieces, from what was measured of each."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features import rhythm
from clipmill_scoring.domain.features import words as words_said
from clipmill_scoring.domain.features.definition import Columns, Feature
from clipmill_scoring.domain.timeline import Floats, Ints

FEATURE = Feature("joined", "shape", "joins", 1, 0, 1, "1 where the clip is made of two ranges")
# Of the others it is the mean of both, by their words where it is a rate of words, else by their time.
FIRST, LAST, LEAST = frozenset(["hook"]), frozenset(["closing"]), frozenset(["opening", "answered", "edges"])
BY_WORDS = frozenset([*(feature.name for feature in words_said.FEATURES), "speech_rate", "unity", "novelty", "about"])
# A turn of feeling from the first half to the second is no mean of two turns.
UNKNOWN = frozenset(["sentiment_arc"])


def joined(measured: Columns, first: Ints, second: Ints, length_s: Floats, words: Floats) -> Columns:
    """Each feature of the clips made of the rows first[k] and second[k]; `length_s` and `words` are the rows'."""
    found: Columns = {}
    for name, values in measured.items():
        one, other = values[first], values[second]
        weight = words if name in BY_WORDS else length_s
        if name in FIRST:
            found[name] = one
        elif name in LAST:
            found[name] = other
        elif name in LEAST:
            found[name] = np.minimum(one, other)
        elif name in UNKNOWN:
            found[name] = np.full(len(first), np.nan)
        else:
            found[name] = _mean(one, other, weight[first], weight[second])
    found["duration_fit"] = rhythm.fit(length_s[first] + length_s[second])
    # The request's feature stays the last one.
    about = {name: found.pop(name) for name in ("about",) if name in found}
    return found | {FEATURE.name: np.ones(len(first))} | about


def _mean(one: Floats, other: Floats, weight: Floats, other_weight: Floats) -> Floats:
    """Where only one is known, that one."""
    a, b = np.where(np.isnan(one), 0.0, weight), np.where(np.isnan(other), 0.0, other_weight)
    total = np.where(a + b > 0, a + b, np.nan)
    mean: Floats = (np.nan_to_num(one) * a + np.nan_to_num(other) * b) / total
    return mean
