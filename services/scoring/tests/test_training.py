"""The clip scorer's trainer finds what viewers like, and says what it measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.training import train

from clipmill.scoring.v1.scoring_pb2 import OutcomeTable
from clipmill_models.clip_scorer import Scorer
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.training import TrainingSet

NAMES = tuple(WEIGHTS)


def outcomes(clips: int, liked: str) -> TrainingSet:
    """Clips that are liked for one feature alone."""
    random = np.random.default_rng(5)
    vectors = np.hstack([np.ones((clips, 1)), random.uniform(-1, 1, (clips, len(NAMES)))])
    chance = 1 / (1 + np.exp(-3 * vectors[:, 1 + NAMES.index(liked)]))
    good = (random.uniform(size=clips) < chance).astype(float)
    table = OutcomeTable(names=NAMES, vectors=vectors.ravel(), good=good, weight=np.ones(clips))
    return TrainingSet(table.SerializeToString())


def test_what_viewers_like_counts_more_and_predicts_better_on_what_was_held_back():
    trained = train(outcomes(800, "numbers"), lambda _: None)
    points = {name: each.points for name, each in Scorer.read(trained.table).features.items()}
    assert max(points, key=lambda name: abs(points[name])) == "numbers" and points["numbers"] > 0
    assert 100 < trained.metrics["held_back"] < 220
    assert trained.metrics["log_loss"] < trained.metrics["log_loss_of_plain"] - 0.05


def test_the_same_outcomes_make_the_same_version():
    assert train(outcomes(120, "hook"), lambda _: None) == train(outcomes(120, "hook"), lambda _: None)


def test_a_version_says_what_it_was_made_of():
    trained = train(outcomes(120, "hook"), lambda _: None)
    assert (trained.rows, trained.lineage["features"]) == (120, " ".join(NAMES))


def test_more_rows_than_allowed_are_refused():
    with pytest.raises(ClipmillError, match="120 rows, more than 119") as caught:
        train(replace(outcomes(120, "hook"), max_rows=119), lambda _: None)
    assert caught.value.code == "TRAINING_SET_UNFIT"


def test_too_few_outcomes_make_none():
    with pytest.raises(ClipmillError, match="99 clips") as caught:
        train(outcomes(99, "hook"), lambda _: None)
    assert caught.value.code == "TRAINING_SET_UNFIT"
