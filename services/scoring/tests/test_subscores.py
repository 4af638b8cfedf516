"""Hook, flow and value are parts of the score."""

import pytest
from clipmill_scoring.domain.explain import Added
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.domain.subscores import PARTS, SubScores, sub_scores


def at(share: float, *names: str) -> list[Added]:
    """These features, each having added this share of what it can."""
    return [Added(name, 0.0, share * abs(WEIGHTS[name].points)) for name in names]


@pytest.mark.parametrize(("share", "value"), [(1, 100), (0, 50), (-1, 0)])
def test_each_part_reaches_from_0_to_100_with_50_for_the_usual(share, value):
    assert sub_scores(at(share, *WEIGHTS)) == SubScores(value, value, value)


def test_a_part_moves_with_its_own_features_alone():
    features = at(1, *PARTS["hook"]) + at(0, *PARTS["flow"]) + at(-1, *PARTS["value"]) + at(1, "face_share")

    assert sub_scores(features) == SubScores(100, 50, 0)


def test_what_is_not_known_does_not_pull_a_part_down():
    assert sub_scores(at(1, "closing")) == SubScores(None, 100, None)


def test_no_feature_belongs_to_two_parts_and_all_are_features():
    names = [name for part in PARTS.values() for name in part]

    assert len(names) == len(set(names))
    assert set(names) <= set(WEIGHTS)
