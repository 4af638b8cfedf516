"""The score: a base, and what each feature adds to it. Nothing else enters, so it explains itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from clipmill_scoring.domain.features.definition import Columns
from clipmill_scoring.domain.formula import BASE
from clipmill_scoring.domain.timeline import Floats


@dataclass(frozen=True)
class Weight:
    """How a feature's value becomes points.

    A value of `typical` adds nothing, one `span` above it adds `points`, one below takes them away; beyond that the
    effect stays the same. Negative points: less is better. `why` says what the weight rests on.
    """

    points: float
    typical: float
    span: float
    why: str


# Set by hand from what is known of talks and short videos; fitted to no data. The points' sizes add up to 50, so that
# scores lie within 0 and 100. `typical` values are those of plain English speech.
WEIGHTS: Mapping[str, Weight] = {
    "first_person": Weight(4.0, 7, 8, "what happened to the speaker moves more than what is so in general"),
    "second_person": Weight(3.0, 2, 5, "who is spoken to listens"),
    "people": Weight(2.5, 3, 6, "stories are about people"),
    "dialogue": Weight(3.0, 1.5, 4, "speech inside speech is a scene, and punchlines are often said by somebody"),
    "questions": Weight(2.5, 0.5, 2.5, "a question opens a gap that viewers want closed"),
    "charged": Weight(2.5, 1, 4, "feeling is what people share"),
    "casual": Weight(2.0, 3, 6, "everyday talk is nearer than a lecture"),
    "contrast": Weight(1.0, 2.5, 4, "a turn, an objection or a denial is where something happens"),
    "numbers": Weight(0.5, 1.5, 4, "a figure makes a claim concrete, and many tire"),
    "word_length": Weight(-2.5, 4.4, 1.0, "short words are understood at first hearing"),
    "sentence_length": Weight(-0.5, 14, 12, "short sentences can be followed on a telephone"),
    "hook": Weight(6.0, 0.4, 0.6, "viewers decide in the first seconds"),
    "opening": Weight(2.5, 0.5, 0.5, "a clip that leans on what came before confuses"),
    "closing": Weight(2.5, 0.5, 0.5, "a clip should end with its thought"),
    "answered": Weight(1.0, 0.5, 0.5, "a question without its answer cheats viewers, the reverse loses them"),
    "edges": Weight(2.0, 0.4, 0.4, "a full stop with a pause is surely the end of a thought"),
    "unity": Weight(1.0, 0.75, 0.25, "a clip is about one thing"),
    "duration_fit": Weight(0.5, 0.5, 0.5, "long enough for a thought, short enough to be watched to its end"),
    "speech_rate": Weight(0.5, 2.6, 1.2, "lively speech is quick"),
    "pause_share": Weight(-1.5, 0.1, 0.25, "viewers leave in dead air"),
    "energy": Weight(1.0, 0, 4, "speakers raise their voice for what matters to them"),
    "energy_variation": Weight(0.5, 6, 4, "an even voice is a dull one"),
    "face_share": Weight(2.0, 0.5, 0.5, "people watch faces"),
    "faces": Weight(-0.5, 1.5, 1.5, "a crowd does not fit into an upright picture"),
    "motion": Weight(0.5, 0.03, 0.05, "a still picture loses the eye"),
    "cuts": Weight(0.5, 4, 10, "changes of shot keep the eye"),
    "sharpness": Weight(0.5, 0, 1.5, "blur looks like a mistake"),
    # So a join pays only where both pieces are clearly better together; see ADR 38.
    "joined": Weight(-3.0, 0, 1, "a jump is heard and seen"),
    # Nothing says yet which way these go, so they add nothing until viewers do (preferences.py).
    "readability": Weight(0.0, 75, 20, "word and sentence length count already"),
    "sentiment_arc": Weight(0.0, 0, 2, "a rise is a happy end, a fall a twist"),
    "novelty": Weight(0.0, 0, 0.1, "fresh, or beside the point"),
    "shot_rhythm": Weight(0.0, 0.5, 0.5, "lively, or restless"),
    "face_height": Weight(0.0, 0.3, 0.2, "near, or too near"),
    "facing": Weight(0.0, 0.6, 0.5, "spoken to who watches, or to somebody who is there"),
    "still_share": Weight(0.0, 0.1, 0.25, "a slide to read, or nothing to see"),
    "text_on_screen": Weight(0.0, 0.3, 0.5, "more to read, or captions beside captions"),
    "pitch_range": Weight(0.0, 7, 4, "a lively voice, or two taken for one"),
    "rate_variation": Weight(0.0, 0.6, 0.5, "lively, or halting"),
    "overlap_share": Weight(0.0, 0.05, 0.1, "two who are eager, or nobody to be understood"),
    "music_share": Weight(0.0, 0.1, 0.5, "a mood, or a voice drowned"),
}


MOST_POINTS = sum(abs(weight.points) for weight in WEIGHTS.values())
# What the request takes of the points where there is one; the other features share the rest.
ABOUT_POINTS = 25.0


def weights_for(about: Floats | None, weights: Mapping[str, Weight] = WEIGHTS) -> Mapping[str, Weight]:
    """The weights; where something was asked for, with its own, the largest, and the others' points halved.

    The nearest candidate of the video gets all its points, one that is half as near none: likeness depends on how a
    request is put, so that only comparing within one video means something.
    """
    if about is None:
        return weights
    half = float(np.max(about, initial=0.0)) / 2 or 1.0
    share = 1 - ABOUT_POINTS / MOST_POINTS
    asked = Weight(ABOUT_POINTS, half, half, "it is what was asked for")
    return {name: replace(weight, points=share * weight.points) for name, weight in weights.items()} | {"about": asked}


def added(found: Columns, weights: Mapping[str, Weight] = WEIGHTS) -> Columns:
    """The points that each feature adds to each candidate, to the hundredth; 0 where its value is unknown."""
    return {name: _points(weights[name], values) for name, values in found.items()}


def total(points: Columns) -> Floats:
    """Each candidate's score: the base and all points added one after another, so that readers get the same bits."""
    score: Floats = np.asarray(BASE)
    for column in points.values():
        score = score + column
    return score


def _points(weight: Weight, values: Floats) -> Floats:
    points: Floats = weight.points * np.clip((values - weight.typical) / weight.span, -1.0, 1.0)
    # Hundredths read well, and adding 0 turns -0 into 0.
    return np.nan_to_num(np.round(points, 2), nan=0.0) + 0.0
