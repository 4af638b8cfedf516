"""What viewers like is learnt from what they do, and forgotten with time."""

from dataclasses import replace

import numpy as np
import pytest
from clipmill_scoring.domain.genres import GENRES, weights_of
from clipmill_scoring.domain.preferences import (
    FULL_EVENTS,
    HALF_LIFE_S,
    adapted,
    aligned,
    decayed,
    for_all,
    learned_weights,
    of_owner,
    prior,
    updated,
    vector,
)
from clipmill_scoring.domain.score import MOST_POINTS, WEIGHTS, added
from scipy.stats import kendalltau

from clipmill.clips.v1.clips_pb2 import Genre

NAMES = tuple(WEIGHTS)
HOOKED = vector(NAMES, {"hook": 1.0})
PAUSING = vector(NAMES, {"pause_share": 0.6})


def after(*outcomes, start=None):
    belief = start or prior()
    for clip, good in outcomes:
        belief = updated(belief, clip, good, 1.0)
    return belief


def test_before_any_event_the_score_is_the_plain_one():
    assert prior().points == pytest.approx({name: weight.points for name, weight in WEIGHTS.items()})
    assert of_owner(prior(), 0.0).points == pytest.approx(prior().points)
    for name, weight in learned_weights(prior()).items():
        assert weight.points == pytest.approx(WEIGHTS[name].points)


def test_one_event_moves_little_and_many_of_a_kind_turn_a_weight():
    before = prior().points["pause_share"]

    once = after((PAUSING, 1.0)).points["pause_share"]
    often = after(*[(PAUSING, 1.0), (HOOKED, 0.0)] * 50).points

    assert before < once < before + 2.5
    assert often["pause_share"] > 0 > often["hook"]


@pytest.mark.parametrize("name", [name for name, weight in WEIGHTS.items() if not weight.points])
def test_a_feature_that_counts_nothing_is_learnt_as_any_other(name):
    weight = WEIGHTS[name]
    much, little = ({name: weight.typical + side * weight.span} for side in (1, -1))

    loved = learned_weights(after(*[(vector(NAMES, much), 1.0), (vector(NAMES, little), 0.0)] * 20))
    hated = learned_weights(after(*[(vector(NAMES, much), 0.0), (vector(NAMES, little), 1.0)] * 20))

    assert loved[name].points > 2 and hated[name].points < -2
    assert added({name: np.array([much[name], little[name]])}, loved)[name].tolist() == pytest.approx(
        [loved[name].points, -loved[name].points], abs=0.01
    )


def test_points_never_add_up_to_more_than_the_plain_ones():
    taught = after(*[(PAUSING, 1.0), (HOOKED, 0.0)] * 500)

    assert sum(map(abs, taught.points.values())) <= MOST_POINTS + 1e-9


def test_an_update_is_the_one_step_of_newton_that_it_says():
    rng = np.random.default_rng(1)
    clip = np.array([1.0, *rng.uniform(-1, 1, len(NAMES))])
    before = prior()

    found = updated(before, clip, 0.7, 2.0)

    chance = 1 / (1 + np.exp(-clip @ before.mean))
    precision = np.linalg.inv(before.covariance) + 2.0 * chance * (1 - chance) * np.outer(clip, clip)
    assert np.allclose(found.covariance, np.linalg.inv(precision))
    assert np.allclose(found.mean, before.mean + np.linalg.inv(precision) @ clip * 2.0 * (0.7 - chance))


def test_half_of_what_was_learnt_is_left_after_the_half_life_and_next_to_nothing_after_ten():
    taught = after(*[(PAUSING, 1.0)] * 20)

    half = decayed(taught, prior(), HALF_LIFE_S)
    gone = decayed(taught, prior(), 20 * HALF_LIFE_S)

    extra = np.linalg.inv(taught.covariance) - np.linalg.inv(prior().covariance)
    assert np.allclose(np.linalg.inv(half.covariance) - np.linalg.inv(prior().covariance), extra / 2)
    assert gone.points == pytest.approx(prior().points, abs=1e-3)
    assert decayed(taught, prior(), 60.0) is taught


def test_one_owner_does_not_drown_the_others():
    assert for_all(1) == for_all(FULL_EVENTS) == 1
    assert for_all(10 * FULL_EVENTS) == pytest.approx(0.1)


def test_features_that_come_and_go_leave_what_was_learnt_of_the_others():
    taught = after(*[(PAUSING, 1.0)] * 20)
    older = replace(
        taught,
        names=("gone", *taught.names[1:]),
    )

    found = adapted(older, prior())

    assert found.names == NAMES
    assert found.mean[1] == prior().mean[1]
    assert np.array_equal(found.mean[2:], taught.mean[2:])
    assert np.array_equal(found.covariance[2:, 2:], taught.covariance[2:, 2:])
    assert aligned(("hook", "gone"), np.array([1.0, 0.5, 0.9])).tolist() == [
        1.0,
        *(0.5 if name == "hook" else 0.0 for name in NAMES),
    ]


@pytest.mark.parametrize("world", range(3))
def test_a_hidden_liking_is_recovered_after_2000_events(world: int):
    """A smaller form of benchmarks/engagement.py: viewers whose liking is nothing like the plain score."""
    rng = np.random.default_rng(world)
    hidden = rng.normal(0, 0.6, len(NAMES))
    clips = np.hstack([np.ones((400, 1)), rng.uniform(-1, 1, (400, len(NAMES)))])
    liking = clips[:, 1:] @ hidden
    belief = prior()
    before = kendalltau(clips[200:] @ belief.mean, liking[200:]).statistic
    for _ in range(2000):
        k = int(rng.integers(200))
        belief = updated(belief, clips[k], float(rng.random() < 1 / (1 + np.exp(-liking[k]))), 1.0)

    assert before < 0.4
    assert kendalltau(clips[200:] @ belief.mean, liking[200:]).statistic >= 0.8


@pytest.mark.parametrize("genre", GENRES)
def test_a_genre_moves_points_between_features_and_makes_none(genre):
    weights = weights_of(genre)

    assert f"GENRE_{genre.upper()}" in Genre.keys()  # noqa: SIM118 - an enum's
    assert set(GENRES[genre]) <= set(WEIGHTS)
    assert sum(abs(weight.points) for weight in weights.values()) == pytest.approx(MOST_POINTS)
    assert weights != WEIGHTS
