"""What comes again is found, and costs."""

import numpy as np
from clipmill_scoring.domain.choose import choose
from clipmill_scoring.domain.meaning import meaning
from clipmill_scoring.domain.sayings import sayings
from clipmill_scoring.domain.shortage import Ask
from scoring_talks import embed, talk

QUEUE = "Why does the other queue always move faster than mine?"
AGAIN = "So why does the other queue always move faster than mine?"
PHONE = "My boss asked me whether anybody had ever answered that telephone."
SCHOOL = "The teacher told her that nobody in this class would ever fly."


def found(*sentences):
    words = talk(*sentences).words
    return words, sayings(meaning(words, np.array([0]), embed))


def test_a_sentence_that_comes_again_in_nearly_the_same_words_is_one_saying():
    words, said = found(QUEUE, PHONE, AGAIN)

    texts = [" ".join(w.text for w in words[a:b]) for a, b in zip(said.begin, said.end, strict=True)]
    assert texts == [QUEUE, AGAIN]
    assert said.saying.tolist() == [0, 0]
    assert said.words.tolist() == [10]


def test_what_is_said_once_and_what_is_short_is_no_repetition():
    _, said = found(QUEUE, "That is right.", PHONE, "That is right.", SCHOOL)

    assert len(said.saying) == 0


def test_without_sentence_ends_the_edges_of_units_divide():
    words = talk(f"{QUEUE} {PHONE} {AGAIN}".replace("?", "").replace(".", "")).words
    edges = np.array([0, 10, 21])

    assert sayings(meaning(words, edges, embed)).begin.tolist() == [0, 21]


def test_a_run_says_what_lies_wholly_within_it_and_once_what_it_says_twice():
    _, said = found(QUEUE, AGAIN, PHONE, QUEUE)

    within = said.within(np.array([0, 0, 5, 32, 0]), np.array([10, 21, 21, 42, 5]))

    assert within.run.tolist() == [0, 1, 2, 3]
    assert within.again(np.array([0, 1, 4])).tolist() == [1]
    assert within.again(np.array([1, 4])).tolist() == [0]


def test_a_retake_does_not_fill_the_list():
    retakes = talk(QUEUE, AGAIN, PHONE, AGAIN, SCHOOL)

    choice = choose("video", retakes, Ask(3, 3.5, 6), embed)

    assert sum("queue" in clip.text for clip in choice.clips) == 1
    assert len(choice.clips) == 3


def test_where_only_retakes_are_left_there_are_fewer_clips_and_the_reason_says_so():
    choice = choose("video", talk(*[f"{QUEUE} {PHONE} {SCHOOL}"] * 3), Ask(3, 5, 20), embed)

    assert len(choice.clips) == 1
    assert [(s.code, s.remedy) for s in choice.shortages] == [("NO_ROOM_WITHOUT_REPEATS", "--clips 1")]


def test_a_short_repetition_that_is_accepted_is_told():
    choice = choose("video", talk(*[QUEUE] * 3), Ask(3, 3.5, 5), embed)

    assert len(choice.clips) == 3
    assert [doubt.code for doubt in choice.doubts] == ["CLIPS_REPEAT"]


def test_a_language_that_the_encoder_does_not_know_is_told_where_there_is_more_than_one_clip():
    welsh = talk(QUEUE, QUEUE, language="cy")

    assert {doubt.code for doubt in choose("video", welsh, Ask(2, 3, 6), None).doubts} == {
        "WORDS_NOT_JUDGED",
        "REPEATS_NOT_JUDGED",
    }
    assert [doubt.code for doubt in choose("video", welsh, Ask(1, 3, 6), None).doubts] == ["WORDS_NOT_JUDGED"]
