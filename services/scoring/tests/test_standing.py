"""How a clip stands among passages that could have been clips: counted, never guessed."""

import numpy as np
import pytest
from clipmill_scoring.domain.choose import choose_among
from clipmill_scoring.domain.formula import BASE
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.preferences import shares
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.standing import MIN_PASSAGES, SAMPLE, Others, Standing, sample, standing
from clipmill_scoring.domain.table import Ranking
from clipmill_scoring.tabled import sample_of
from hypothesis import given
from hypothesis import strategies as st
from scoring_talks import embed, talk

SCORES = st.lists(st.integers(0, 10_000).map(lambda cents: cents / 100), min_size=MIN_PASSAGES, max_size=300)
POINTS = np.array([weight.points for weight in WEIGHTS.values()])


def ranking(*lines: str, about: str = "") -> Ranking:
    return choose_among("v", talk(*lines), Ask(3, 2, 60, about), embed)[1]


@given(SCORES, st.integers(0, 50))
def test_it_is_the_share_of_passages_that_score_less_and_never_rounded_up(scores, more):
    among = np.array(scores)
    for score in scores:
        found = standing(score, among, more=more)
        assert found and found.passages == len(scores) + more
        exact = 100 * (sum(other < score for other in scores) + more) / found.passages
        assert exact - 0.1 - 1e-9 < found.percent <= exact + 1e-9 < 100


def test_what_differs_by_rounding_alone_is_the_same_score():
    assert standing(0.1 + 0.2, np.array([0.3] * 10 + [0.1] * 10)) == Standing(50.0, 20)


def test_among_too_few_nothing_is_said():
    assert standing(90, np.full(MIN_PASSAGES - 1, 50.0)) is None
    assert standing(90, np.full(MIN_PASSAGES - 1, 50.0), more=1) == Standing(100.0, MIN_PASSAGES)


@given(SCORES)
def test_a_sample_says_the_same_as_all_to_a_percent(scores):
    among = np.array(scores)
    few = among[sample(among)]
    weight = np.full(len(few), len(among) / len(few))

    assert len(few) == min(len(among), SAMPLE)
    for score in (min(scores), float(np.median(among)), max(scores)):
        whole, part = standing(score, among), standing(score, few, weight)
        assert whole and part and abs(whole.percent - part.percent) <= 1.1 and part.passages == len(among)


LINES = tuple(f"{start} the line that you stand in {end}." for start in ("Why is", "She said") for end in "abcdefghij")


def test_a_clip_is_told_where_it_stands_in_its_video_also_when_the_worst_passages_are_not_kept():
    every = ranking(*LINES)
    best = int(np.argmax(every.score))
    kept = Ranking.of(every.table.best(every.score, len(every.table) // 2))
    keywords = Keywords(every.table.words, "en")

    found, again = every.clip(best, keywords).standing, kept.clip(int(np.argmax(kept.score)), keywords).standing

    assert found == again and found and found.percent > 95 and found.passages == len(every.table)


def test_other_videos_passages_are_scored_as_the_clip_is():
    """By the weights of today, to the hundredth: a clip that is among them stands as in its own video."""
    every = ranking(*LINES)
    rows = np.arange(len(every.table))
    others = Others(shares(every.table.values, rows), np.ones(len(rows)), videos=1)

    found = others.standings(every.score, BASE, POINTS)

    assert found == [standing(score, every.score) for score in every.score.tolist()]


def test_of_a_request_no_passages_are_taken():
    assert sample_of(ranking(*LINES)).passages == len(ranking(*LINES).table)
    assert not sample_of(ranking(*LINES, about="the line")).passages


@pytest.mark.parametrize("size", [1, 99, 100, 101, 5000])
def test_a_sample_is_spread_from_the_lowest_score_to_the_highest(size):
    chosen = sample(np.arange(size, dtype=np.float64))

    assert len(set(chosen)) == len(chosen)
    assert chosen[0] <= size / SAMPLE and chosen[-1] >= size - 1 - size / SAMPLE
