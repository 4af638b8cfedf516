"""What an event says of its clip, and what a score is worth."""

import numpy as np
import pytest
from clipmill_scoring.domain.outcomes import MIN_OUTCOMES, Kind, Outcome, outcome, percentiles

from clipmill.scoring.v1.scoring_pb2 import EngagementEvent


def test_every_kind_of_the_message_is_understood():
    assert {kind.value for kind in Kind} == set(EngagementEvent.Kind.values()) - {0}


@pytest.mark.parametrize(
    ("kind", "value", "good"),
    [
        (Kind.WATCH_TIME, 10, 0.5),
        (Kind.WATCH_TIME, 60, 1),
        (Kind.COMPLETION, 0.25, 0.25),
        (Kind.LIKE, 0, 1),
        (Kind.SHARE, 0, 1),
        (Kind.KEEP, 0, 1),
        (Kind.VIEW, 0, 0),
        (Kind.REJECT, 0, 0),
    ],
)
def test_what_an_event_says_of_a_clip_of_20_s(kind, value, good):
    assert outcome(kind, value, 20.0).good == good


def test_a_view_alone_says_little():
    assert outcome(Kind.VIEW, 0, 20).weight < 0.1 * outcome(Kind.LIKE, 0, 20).weight
    assert outcome(Kind.LIKE, 0, 20) == Outcome(1.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Kind.COMPLETION, 1.5), (Kind.COMPLETION, float("nan")), (Kind.WATCH_TIME, -1), (Kind.WATCH_TIME, float("inf"))],
)
def test_what_cannot_be_is_refused(kind, value):
    with pytest.raises(ValueError, match=r"share|watched"):
        outcome(kind, value, 20.0)


def test_a_percentile_needs_enough_outcomes():
    few = np.arange(MIN_OUTCOMES - 1.0)

    assert percentiles(np.array([50.0]), few, few, np.ones(len(few))) is None


def test_a_percentile_is_the_share_of_outcomes_that_the_score_is_expected_to_outdo():
    scores = np.arange(40.0, 80.0)
    rising = percentiles(np.array([0.0, 40.0, 59.0, 79.0, 100.0]), scores, scores / 100, np.ones(40))
    blind = percentiles(np.array([40.0, 79.0]), scores, np.full(40, 0.3), np.ones(40))

    assert rising is not None
    assert blind is not None
    assert rising == pytest.approx([1.25, 1.25, 48.75, 98.75, 98.75])
    # Where the score tells nothing of the outcome, every clip is in the middle.
    assert blind == pytest.approx([50, 50])
