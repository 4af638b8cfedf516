"""How a clip begins and ends."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.definition import Columns, Feature, Seen, sums
from clipmill_scoring.domain.timeline import Floats, Ints
from clipmill_scoring.domain.words import HALF_LEANING, LEANING, Marks, bare

# A longer pause says no more of a sentence's end; so do the video's beginning and end.
MOST_PAUSE_S = 1.0

FEATURES: tuple[Feature, ...] = (
    Feature("hook", "shape", "share", 1, 0, 1,
            "of four, how many the first sentence has: question, you, number, contrast, feeling, curiosity, brevity",
            english=True),
    Feature("opening", "shape", "share", 1, 0, 1,
            "1 begins a thought; .5 with so, but, he, this, ...; 0 with and, or, because, or amid a sentence",
            english=True),
    Feature("closing", "shape", "share", 1, 0, 1, "1 ends a sentence; .5 with a question left open; 0 amid a sentence"),
    Feature("answered", "shape", "share", 1, 0, 1,
            "1; less .5 if it ends with a question that is answered after it, less .5 if it begins with the answer to "
            "a question before it"),
    Feature("edges", "shape", "s", 1, 0, MOST_PAUSE_S,
            "the smaller of the pauses before its first and after its last word, 1 at most"),
)  # fmt: skip


def measure(seen: Seen) -> Columns:
    """The features of beginnings and endings."""
    words = seen.timeline.words
    if not words:
        return {feature.name: seen.unknown() for feature in FEATURES}
    marked, units, these = seen.marked, seen.units, seen.these
    # A unit may hold several sentences, where no pause divides them: the hook is the first one's.
    ends = np.append(np.flatnonzero(marked.ends) + 1, len(words))
    first_end = ends[np.searchsorted(ends, units.first_word, side="right").clip(max=len(ends) - 1)]
    opens = np.array([_opening(word.text) for word in words])
    closes = np.where(marked.asks, 0.5, 1.0) * marked.ends
    first, last = np.minimum(seen.begin, len(words) - 1), np.maximum(seen.end - 1, 0)
    silent = seen.begin == seen.end
    columns = {
        "hook": hooks(marked, units.first_word, np.minimum(first_end, units.last_word))[these.first],
        "opening": opens[first] * units.clean_start[these.first],
        "closing": closes[last] * units.clean_end[these.last],
        "answered": _answered(marked, seen.begin, seen.end),
        "edges": _edges(seen),
    }
    return {name: np.where(silent, np.nan, values) for name, values in columns.items()}


def hooks(marked: Marks, begin: Ints, end: Ints) -> Floats:
    """The hook of each run of words: four of seven known openers make a full one."""
    length = end - begin
    signs = [
        sums(kind, begin, end) > 0
        for kind in (
            marked.asks, marked.second_person, marked.number, marked.contrast,
            marked.charged | marked.exclaims, marked.curiosity,
        )
    ]  # fmt: skip
    signs.append((length >= 3) & (length <= 12))
    share: Floats = np.minimum(np.sum(signs, axis=0) / 4, 1.0)
    return share


def _answered(marked: Marks, begin: Ints, end: Ints) -> Floats:
    """A question is answered by the sentence after it, unless that asks as well or there is none."""
    ends = np.flatnonzero(marked.ends)
    asks = marked.asks[ends]
    is_answered = np.zeros(len(marked.ends) + 1, dtype=np.bool_)
    # By the word after the question: true where a question ends before it and its answer begins with it.
    is_answered[ends[:-1] + 1] = asks[:-1] & ~asks[1:]
    answered: Floats = 1.0 - 0.5 * is_answered[end] - 0.5 * is_answered[begin]
    return answered


def _edges(seen: Seen) -> Floats:
    words = seen.timeline.words
    ends_s = np.maximum.accumulate([word.end_s for word in words])
    between_s = np.array([word.start_s for word in words[1:]]) - ends_s[:-1]
    # By the word after it; past the last word, too.
    pause_s = np.clip(np.concatenate(([MOST_PAUSE_S], between_s, [MOST_PAUSE_S])), 0, MOST_PAUSE_S)
    smaller: Floats = np.minimum(pause_s[seen.begin], pause_s[seen.end])
    return smaller


def _opening(text: str) -> float:
    word = bare(text).split("'", 1)[0]
    return 0.0 if word in LEANING else 0.5 if word in HALF_LEANING else 1.0
