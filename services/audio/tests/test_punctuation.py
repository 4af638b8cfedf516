"""Mending the recogniser's punctuation by text and pauses."""

from __future__ import annotations

import re
from dataclasses import replace

from clipmill_audio.domain.punctuation import repaired
from clipmill_audio.domain.timed import HeardWord, Span
from hypothesis import given
from hypothesis import strategies as st

WORD_S = 0.25
# A speaker who pauses .3 s inside sentences and .9 s after them.
TELLS_APART = "One two, .3 three. .9 Four five, .3 six. .9 Seven eight, .3 nine. .9 Ten twelve, .3 more. .9 "


def said(text: str) -> tuple[list[HeardWord], list[Span]]:
    """Words of a text with pauses in seconds between them, "Well .3 yes.", and where somebody speaks."""
    words: list[HeardWord] = []
    speech: list[Span] = []
    at_s, begin_s = 0.0, 0.0
    for piece in text.split():
        if re.fullmatch(r"\d*\.\d+", piece):
            speech.append(Span(begin_s, at_s))
            at_s = begin_s = at_s + float(piece)
        else:
            words.append(HeardWord(at_s, at_s + WORD_S, piece))
            at_s += WORD_S
    return words, [*speech, Span(begin_s, at_s)]


def mended(text: str) -> str:
    return " ".join(word.text for word in repaired(*said(text)))


def without_pauses(text: str) -> str:
    return re.sub(r" \d*\.\d+", "", text).strip()


def test_a_comma_with_the_pause_of_a_sentence_ends_one() -> None:
    after = mended(TELLS_APART + "the numbers were different, .8 but the bread was the same.")
    assert after.endswith("the numbers were different. But the bread was the same.")


def test_a_full_stop_with_the_pause_of_a_comma_ends_none() -> None:
    after = mended(TELLS_APART + "We count the grams. .3 And we forget the dough.")
    assert after.endswith("We count the grams, and we forget the dough.")


def test_a_name_keeps_its_capital_after_a_full_stop_that_was_none() -> None:
    assert mended(TELLS_APART + "We asked them. .3 Paul said no.").endswith("We asked them, Paul said no.")


def test_a_full_stop_in_running_words_goes_to_the_pause_beside_it() -> None:
    assert mended(TELLS_APART + "I bake on Thursdays. Now .9 I own a scale.").endswith(
        "on Thursdays now. I own a scale."
    )


def test_where_pauses_are_alike_a_long_one_ends_nothing() -> None:
    alike = (
        "One two, .3 three. .3 Four five, .3 six. .3 Seven eight, .3 nine. .3 Ten twelve, .3 more. .3 Well so, .9 on."
    )
    assert mended(alike) == without_pauses(alike)


def test_a_speaker_who_pauses_before_the_next_word_has_not_ended() -> None:
    assert mended(TELLS_APART + "He said and, .9 well.").endswith("He said and, well.")


def test_a_conjunction_without_a_pause_goes_on_whatever_the_others_do() -> None:
    assert (
        mended("You stand in one of them. .25 So three of four move.")
        == "You stand in one of them, so three of four move."
    )
    assert mended("That is arithmetic. .6 So what now?") == "That is arithmetic. So what now?"


def test_a_clause_alone_goes_on() -> None:
    assert mended("Third, when you wait. .2 Look behind you.") == "Third, when you wait, Look behind you."


def test_no_sentence_begins_with_a_small_letter() -> None:
    assert mended("That is not luck. that is arithmetic.") == "That is not luck, that is arithmetic."


def test_two_speakers_without_a_pause_between_them_stay_two_sentences() -> None:
    dialogue = "What should they do? Make one line. When it is long it moves."
    assert mended(dialogue) == dialogue


def test_questions_and_abbreviating_dots_stay() -> None:
    text = TELLS_APART + "Is it? .2 And he waited... .2 and went. "
    assert mended(text) == without_pauses(text)


def test_a_line_cut_in_speech_says_nothing_of_its_end() -> None:
    words, speech = said("He came. And went.")
    words[1] = replace(words[1], cut_after=True)
    assert [word.text for word in repaired(words, speech)] == ["He", "came.", "And", "went."]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "And", "when", "Yes.", "so,", "no?", "I", "3.5", "..."]), st.floats(-0.1, 2)),
        max_size=40,
    )
)
def test_words_and_times_never_change(made: list[tuple[str, float]]) -> None:
    words, at_s = [], 0.0
    for text, pause_s in made:
        words.append(HeardWord(at_s, at_s + WORD_S, text))
        at_s = max(at_s, at_s + WORD_S + pause_s)
    after = repaired(words, [Span(word.start_s, word.end_s) for word in words])
    assert [(w.start_s, w.end_s) for w in after] == [(w.start_s, w.end_s) for w in words]
    letters = [re.sub(r"[.,]$", "", w.text).casefold() for w in words]
    assert [re.sub(r"[.,]$", "", w.text).casefold() for w in after] == letters
