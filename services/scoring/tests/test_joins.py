"""Clips of two ranges: where a topic comes back."""

from dataclasses import replace

import numpy as np
import pytest
from clipmill_scoring.domain.boundaries import sentence_units
from clipmill_scoring.domain.choose import choose, choose_among
from clipmill_scoring.domain.joins import (
    AGAIN,
    LEAST_APART_S,
    MAX_JOINS,
    MOST_APART_S,
    SHORTEST_PIECE_S,
    joins,
    returns,
)
from clipmill_scoring.domain.meaning import meaning
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.table import Ranking
from clipmill_scoring.domain.timeline import Phrase, Turn
from clipmill_scoring.explained import scored_clip
from clipmill_scoring.models.sentences import Sentences
from clipmill_scoring.tabled import message_of, table_of
from scoring_talks import talk
from test_topics import PASSAGES

from clipmill.clips.v1.clips_pb2 import ScoringTask
from clipmill.scoring.v1.scoring_pb2 import CandidateTable

# Each on the subject of the passage of the same place there.
LATER = (
    (
        "A sour starter is only flour and water that has stood for a week.",
        "I feed mine with rye flour every evening before I go to bed.",
        "The loaf tastes better when the dough has risen slowly overnight.",
        "Steam in the oven keeps the crust soft until the bread has grown.",
    ),
    (
        "The first pictures from the space telescope came down in July.",
        "Behind every bright star you could see hundreds of faint galaxies.",
        "The instrument has to be kept colder than anything else in the solar system.",
        "With a spectrum of a planet astronomers can tell what its air is made of.",
    ),
    (
        "When I left the bank, my father did not speak to me for a year.",
        "The manager wrote to me later and asked whether he might join my firm.",
        "I had never earned so little, and I had never slept so well.",
        "Nobody in that office had ever resigned without another job.",
    ),
    (
        "Twins who grow up together often invent words of their own.",
        "A child of two learns about ten new words every day.",
        "Parents correct the facts that children say and hardly ever their grammar.",
        "Babies whose parents speak two languages begin to speak no later than others.",
    ),
    (
        "In winter the bicycle lanes are cleared of snow before the roads are.",
        "A cyclist who is hit at thirty kilometres an hour mostly survives.",
        "We counted the bicycles on the bridge, and there were twice as many as cars.",
        "Shops feared for their customers when parking places became bicycle lanes.",
    ),
    (
        "The maker glued the back of the violin with the same bone glue as then.",
        "My daughter practised on a cheap instrument for three years.",
        "A violin that nobody plays loses its voice, said the man in Cremona.",
        "My father had heard his own mother play that instrument before the war.",
    ),
)
EMBED = Sentences().embed


def heard(*passages):
    return talk(*(sentence for passage in passages for sentence in passage), gap_s=0.8)


def joined(timeline, min_s=20.0, max_s=60.0, ranges=()):
    units = sentence_units(timeline, max_s)
    return joins(timeline, units, meaning(timeline.words, units.first_word, EMBED), Ask(1, min_s, max_s, ranges=ranges))


def mean(passage):
    total = EMBED(passage).sum(axis=0)
    return total / np.linalg.norm(total)


def test_the_threshold_lies_between_what_comes_back_and_what_is_something_else():
    early, late = (np.array([mean(passage) for passage in side]) for side in (PASSAGES, LATER))
    alike = early @ late.T

    assert alike.diagonal().min() > AGAIN + 0.15
    assert alike[~np.eye(len(alike), dtype=bool)].max() < AGAIN - 0.2


@pytest.mark.parametrize("topic", range(len(PASSAGES)))
def test_a_topic_returns_where_it_comes_again_after_others(topic):
    others = [passage for k, passage in enumerate(PASSAGES) if k != topic][:3]
    timeline = heard(PASSAGES[topic], *others, LATER[topic])

    assert list(returns(meaning(timeline.words, np.zeros(0, np.int64), EMBED))) == [(0, 4)]


@pytest.mark.parametrize("passages", [PASSAGES, (PASSAGES[0], LATER[0], PASSAGES[1]), PASSAGES[:2], ()])
def test_nothing_is_joined_where_no_topic_comes_back(passages):
    assert len(joined(heard(*passages))) == 0


def test_pieces_begin_and_end_with_sentences_of_the_topic_and_last_as_asked_together():
    timeline = heard(PASSAGES[0], *PASSAGES[1:4], LATER[0])
    found = joined(timeline, 20, 30)
    pieces, units = found.pieces, sentence_units(timeline, 30)

    assert 0 < len(found) <= MAX_JOINS
    first, second = found.first, found.second
    total_s = pieces.duration_s[first] + pieces.duration_s[second]
    apart_s = pieces.start_s[second] - pieces.end_s[first]
    assert ((total_s >= 20) & (total_s <= 30)).all()
    assert (pieces.duration_s >= SHORTEST_PIECE_S).all()
    assert ((apart_s >= LEAST_APART_S) & (apart_s <= MOST_APART_S)).all()
    bread = len(PASSAGES[0]), len(units) - len(LATER[0])
    assert (pieces.last[first] < bread[0]).all() and (pieces.first[second] >= bread[1]).all()


def test_what_lies_too_far_apart_is_not_joined_nor_what_a_range_leaves_out():
    timeline = heard(PASSAGES[0], *PASSAGES[1:4], LATER[0])
    last = sum(len(sentence.split()) for sentence in LATER[0])
    moved = (
        replace(word, start_s=word.start_s + MOST_APART_S, end_s=word.end_s + MOST_APART_S)
        for word in timeline.words[-last:]
    )
    far = replace(timeline, words=(*timeline.words[:-last], *moved), duration_s=timeline.duration_s + MOST_APART_S)

    assert len(joined(timeline)) > 0 and len(joined(far)) == 0
    assert len(joined(timeline, ranges=((0.0, timeline.duration_s / 2),))) == 0


def test_two_voices_are_not_joined():
    timeline = heard(PASSAGES[0], *PASSAGES[1:4], LATER[0])
    half_s = timeline.duration_s / 2
    one, two = Turn(1, 0, half_s), Turn(2, half_s, timeline.duration_s)

    assert len(joined(replace(timeline, turns=(one, replace(two, speaker=1))))) > 0
    assert len(joined(replace(timeline, turns=(one, two)))) == 0


def test_a_retake_is_not_joined_with_what_it_retakes():
    timeline = heard(PASSAGES[0], *PASSAGES[1:4], PASSAGES[0])

    _, ranking = choose_among("v", timeline, Ask(1, 20, 60), EMBED)

    table = ranking.table
    for k in range(table.plain, len(table)):
        (a, b), (c, d) = table.said_by(k)
        lines = [" ".join(w.text for w in timeline.words[x:y]) for x, y in ((a, b), (c, d))]
        assert not any(line in lines[1] and line in lines[0] for line in PASSAGES[0])


def lively():
    """A question at the beginning whose story ends after something else was talked about for a minute."""
    return heard(
        (
            "Why did I leave the bank where I had worked for ten years?",
            "My boss there was a man who counted the minutes of our lunch.",
            "You never knew whether he would laugh or shout at you in that bank.",
        ),
        PASSAGES[1],
        PASSAGES[3],
        (
            "So my boss at the bank called me and said that I was fired!",
            "I laughed, and I told my boss that I had already left his bank.",
            "My mother cried, and then she said that I was never so brave in that bank.",
        ),
    )


def test_a_join_is_chosen_only_where_it_is_worth_its_cost_and_says_what_it_is():
    timeline = lively()
    choice, ranking = choose_among("v", timeline, Ask(1, 20, 40), EMBED)
    clip, table = choice.clips[0], ranking.table

    assert table.plain < len(table)
    best_plain = ranking.score[: table.plain].max()
    assert clip.pieces and clip.score > best_plain
    assert {f.name: f.points for f in clip.features}["joined"] == -3.0
    assert clip.text.startswith("Why did I leave") and clip.text.endswith("in that bank.")
    assert "telescope" not in clip.text and "baby" not in clip.text
    head = scored_clip(clip, 1).head
    assert [(p.start_s, p.end_s) for p in head.pieces] == list(clip.pieces)
    assert (head.range.start_s, head.range.end_s) == (clip.pieces[0][0], clip.pieces[1][1])
    # Without its cost more would win.
    assert ranking.score[table.plain :].max() + 3 > best_plain


def test_what_is_heard_in_a_clip_of_two_pieces_is_that_of_both_by_their_time():
    timeline = lively()
    half_s = timeline.duration_s / 2
    phrases = (Phrase(1.0, 8.0, 2.5, 4.0), Phrase(half_s * 1.9, half_s * 1.95, 2.5, 8.0))
    choice = choose("v", replace(timeline, music=((0.0, half_s),), phrases=phrases), Ask(1, 20, 40), EMBED)
    clip = choice.clips[0]
    first_s, second_s = (end_s - start_s for start_s, end_s in clip.pieces)

    values = {feature.name: feature.value for feature in clip.features}
    assert values["music_share"] == pytest.approx(first_s / (first_s + second_s))
    assert values["pitch_range"] == pytest.approx((4 * first_s + 8 * second_s) / (first_s + second_s))
    assert "overlap_share" not in values


def test_what_lies_between_the_pieces_is_free_for_another_clip():
    choice = choose("v", lively(), Ask(2, 20, 40), EMBED)
    joined_clip = next(clip for clip in choice.clips if clip.pieces)
    other = next(clip for clip in choice.clips if not clip.pieces)

    assert joined_clip.pieces[0][1] <= other.start_s and other.end_s <= joined_clip.pieces[1][0]


def test_a_table_with_joins_comes_back_from_its_message_and_keeps_them_among_the_best():
    _, ranking = choose_among("v", lively(), Ask(2, 20, 40), EMBED)
    table = ranking.table

    message = CandidateTable.FromString(message_of(table, ScoringTask()).SerializeToString())
    again = Ranking.of(table_of(message))

    assert again.chosen(2)[1] == ranking.chosen(2)[1]
    assert [table_of(message).spans(k) for k in range(len(table))] == [table.spans(k) for k in range(len(table))]
    best = table.best(ranking.score, 5)
    kept = np.sort(np.argpartition(-ranking.score, 5)[:5])
    assert [best.spans(k) for k in range(5)] == [table.spans(k) for k in kept.tolist()]
