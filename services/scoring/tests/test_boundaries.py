"""Where clips may begin and end."""

from dataclasses import replace

import pytest
from clipmill_scoring.domain.boundaries import sentence_units, shot_units
from clipmill_scoring.domain.choose import choose
from clipmill_scoring.domain.material import material
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Shot, Timeline, Word
from hypothesis import given
from hypothesis import strategies as st
from scoring_talks import silent, talk, timelines


def texts(timeline: Timeline, units) -> list[str]:
    return [
        " ".join(word.text for word in timeline.words[a:b])
        for a, b in zip(units.first_word, units.last_word, strict=True)
    ]


def inside_a_word(timeline: Timeline, time_s: float) -> bool:
    return any(word.start_s < time_s < word.end_s for word in timeline.words)


@given(timelines(), st.floats(1, 40))
def test_no_boundary_lies_inside_a_word_and_units_follow_each_other(timeline, max_s):
    for units in (sentence_units(timeline, max_s), shot_units(timeline, 1.0, max_s)):
        times = [time_s for pair in zip(units.start_s, units.end_s, strict=True) for time_s in pair]
        assert times == sorted(times)
        assert not any(inside_a_word(timeline, time_s) for time_s in times)
        assert all(0 <= time_s <= timeline.duration_s for time_s in times)


@given(timelines(), st.floats(1, 40))
def test_every_word_belongs_to_one_sentence(timeline, max_s):
    units = sentence_units(timeline, max_s)

    assert [k for a, b in zip(units.first_word, units.last_word, strict=True) for k in range(a, b)] == list(
        range(len(timeline.words))
    )


def test_a_long_pause_leaves_a_little_air_around_the_words():
    units = sentence_units(talk("One two.", "Three four.", gap_s=2.0), max_s=60)

    assert units.start_s == pytest.approx([0.75, 3.55])
    assert units.end_s == pytest.approx([2.1, 4.9])


def test_in_a_short_pause_neighbours_meet_in_the_middle():
    units = sentence_units(talk("One two three four.", "Five six seven eight.", gap_s=0.2), max_s=60)

    assert units.end_s[0] == units.start_s[1] == pytest.approx(2.7)


@pytest.mark.parametrize(
    ("sentences", "pauses_s", "apart"),
    [
        (
            ("The shop was closed.", "One last question.", "What can I do now?"),
            (0.7, 0.3),
            ["The shop was closed.", "One last question. What can I do now?"],
        ),
        (("There is nothing left to say.", "Thank you."), (0.3,), ["There is nothing left to say. Thank you."]),
        (
            ("You are not very unlucky.", "You are outnumbered.", "Picture four long lines."),
            (0.2, 0.25),
            ["You are not very unlucky. You are outnumbered.", "Picture four long lines."],
        ),
        (("It was over by then.", "Silence.", "Then it began again."), (1.2, 1.5), None),
        (("It moves, but nobody knows.", "Why?", "Because it has to move."), (0.2, 0.3), None),
        (("It was over by then.", "Then it began again."), (0.2,), None),
    ],
    ids=["announcement", "farewell", "half", "far from both", "a question", "long ones"],
)
def test_a_short_sentence_goes_with_the_neighbour_that_it_is_nearer_to(sentences, pauses_s, apart):
    words, at_s = list[Word](), 1.0
    for sentence, pause_s in zip(sentences, (*pauses_s, 1.0), strict=True):
        spoken = talk(sentence, lead_s=at_s).words
        words += spoken
        at_s = spoken[-1].end_s + pause_s
    timeline = Timeline(at_s, "en", tuple(words), (), None, None)

    assert texts(timeline, sentence_units(timeline, max_s=60)) == (apart or list(sentences))


def test_a_sentence_end_without_a_pause_is_no_boundary_because_the_cut_would_be_heard():
    timeline = talk("One two.", "Three four.", gap_s=0.0)

    assert texts(timeline, sentence_units(timeline, max_s=60)) == ["One two. Three four."]


def test_a_long_stretch_without_pauses_is_divided_at_its_sentence_ends():
    timeline = talk(*["One two three four five six seven eight nine ten."] * 4, gap_s=0.0)

    units = sentence_units(timeline, max_s=10)

    assert len(units) == 2
    assert units.end_s[0] == units.start_s[1] == pytest.approx(9.0)
    assert all(units.clean_start)
    assert all(units.clean_end)


def test_air_ends_at_a_change_of_shot_so_that_no_other_shot_flashes_up():
    # The words end at 1.8 s, begin again at 3.8 s; the picture changes at 1.9 s and at 3.7 s.
    shots = (Shot(0, 1.9, 0, 1), Shot(1.9, 3.7, 0, 1), Shot(3.7, 6, 0, 1))
    units = sentence_units(talk("One two.", "Three four.", gap_s=2.0, shots=shots), max_s=60)

    assert units.end_s[0] == 1.9
    assert units.start_s[1] == 3.7


def test_speech_without_sentence_ends_is_divided_at_its_longest_pauses_and_says_so():
    starts_s = [0, 0.5, 1, 10, 10.5, 20, 20.5, 40, 40.5]
    words = tuple(Word(f"w{k}", at_s, at_s + 0.4, False) for k, at_s in enumerate(starts_s))
    timeline = Timeline(42, "en", words, (), None, None)

    units = sentence_units(timeline, max_s=15)

    assert texts(timeline, units) == ["w0 w1 w2 w3 w4", "w5 w6", "w7 w8"]
    assert units.clean_start.tolist() == [True, False, False]
    assert units.clean_end.tolist() == [False, False, True]


def test_where_people_talk_over_each_other_there_is_no_boundary():
    words = (Word("So.", 0, 1.0, True), Word("Yes", 0.8, 1.2, False), Word("indeed.", 1.3, 1.6, True))
    timeline = Timeline(3, "en", words, (), None, None)

    assert texts(timeline, sentence_units(timeline, max_s=60)) == ["So. Yes indeed."]


def test_without_words_shots_are_the_units_and_only_long_ones_are_divided():
    units = shot_units(silent(4, 9, 40), min_s=10, max_s=20)

    assert units.start_s == pytest.approx([0, 4, 9, 19, 29, 39], abs=1e-3)
    assert units.clean_start.tolist() == [True, True, True, False, False, False]


@pytest.mark.parametrize(("after", "clean"), [(2, True), (0, False)])
def test_a_clip_is_cut_at_a_pause_only_where_sentences_make_less_than_a_fifth_of_the_clips(after, clean):
    long = " ".join(f"word{k}" for k in range(200)) + "."
    timeline = talk("It begins with one that ends here.", long, *["It goes on with another one."] * after)

    found = material(timeline, Ask(10, 2, 10), 2, 10)

    these, units = found.these, found.units
    assert bool((units.clean_start[these.first] & units.clean_end[these.last]).all()) == clean


def doubted(timeline: Timeline, *sure: float) -> Timeline:
    """The talk, its sentence ends so sure in order."""
    left = iter(sure)
    words = (replace(word, end_sure=next(left)) if word.ends_sentence else word for word in timeline.words)
    return replace(timeline, words=tuple(words))


def test_clips_begin_and_end_where_it_is_surest_that_sentences_do():
    one = "A sentence of so many words."
    timeline = doubted(talk(one, one, one, one), 0.4, 0.95, 0.4, 1.0)

    assert texts(timeline, sentence_units(timeline, 60)) == [one] * 4
    found = material(timeline, Ask(2, 2, 30), 2, 30)
    first = {found.units.first_word[k] for k in found.these.first}
    last = {found.units.last_word[k] for k in found.these.last}

    assert first == {0, 12}
    assert last == {12, 24}


def test_where_hardly_a_clip_is_left_less_sure_ends_are_taken():
    one = "A sentence of so many words."
    timeline = doubted(talk(one, one, one, one), 0.6, 0.6, 0.6, 1.0)

    found = material(timeline, Ask(4, 2, 3), 2, 3)

    assert len(found.these) == 4


def test_fewer_clips_because_ends_are_unsure_are_told_as_such():
    one, other = "A sentence of so many words.", "Yet another one with fewer."
    timeline = doubted(talk(one, other, one, one), 0.95, 0.4, 0.95, 1.0)

    choice = choose("video", timeline, Ask(4, 1, 4), None)

    assert [clip.text for clip in choice.clips] == [one, one]
    assert [shortage.code for shortage in choice.shortages] == ["SENTENCE_ENDS_UNSURE"]
