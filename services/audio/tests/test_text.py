"""Sentences, spoken forms, doubts, languages."""

from __future__ import annotations

import pytest
from clipmill_audio.domain.doubt import MOST_REPEATED, Transcript, doubts, repeated
from clipmill_audio.domain.language import LanguageUnsupportedError, is_assumed
from clipmill_audio.domain.pronunciation import number_words, sounds, spoken
from clipmill_audio.domain.sentences import may_end, sentence_ends
from hypothesis import given
from hypothesis import strategies as st


def sentences(text: str) -> list[str]:
    words = text.split()
    marked = " ".join(word + ("|" if end else "") for word, end in zip(words, sentence_ends(words), strict=True))
    return [sentence.strip() for sentence in marked.split("|") if sentence.strip()]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith paid 3.5 dollars to Mr. Fox.",
        "At 5 p.m. we left for the U.S. embassy.",
        "It grew by 12.75 percent, e.g. in May.",
        "We went on and on without a stop",
    ],
)
def test_a_stop_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert sentences(text) == [text]


def test_each_sentence_ends_once() -> None:
    assert sentences("Hello? Oh, hello. I see! We paid 3.5. Next one") == [
        "Hello?", "Oh, hello.", "I see!", "We paid 3.5.", "Next one",
    ]  # fmt: skip


def test_a_long_text_is_read_in_passages_with_the_same_result() -> None:
    assert sentences("I went there. " * 500) == ["I went there."] * 500


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=8), max_size=30))
def test_only_words_with_a_final_stop_end_a_sentence(words: list[str]) -> None:
    ends = sentence_ends(words)
    assert len(ends) == len(words)
    assert all(may_end(word) for word, end in zip(words, ends, strict=True) if end)


DICTIONARY = {"well", "made", "don't", "five", "nasa", "percent", "cafe"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Well-made,", "well made"),
        ("don’t", "don't"),
        ("Café", "cafe"),
        ("NASA", "nasa"),
        ("GPT", "g p t"),
        ("1,200", "one thousand two hundred"),
        ("3.5%", "three point five percent"),
        ("$20", "twenty dollars"),
        ("1984.", "nineteen eighty four"),
        ("1905", "nineteen oh five"),
        ("2000", "two thousand"),
        ("007", "zero zero seven"),
        ("—", ""),
        ("你好", ""),
    ],
)
def test_what_is_said_for_what_is_written(written: str, said: str) -> None:
    assert " ".join(spoken(written, DICTIONARY.__contains__)) == said


@given(st.from_regex(r"\d{1,12}(\.\d{1,3})?", fullmatch=True))
def test_every_number_can_be_said(digits: str) -> None:
    assert all(word.isalpha() for word in number_words(digits))


@given(st.from_regex(r"[a-z]+('[a-z]+)*", fullmatch=True))
def test_every_word_of_letters_has_sounds(word: str) -> None:
    assert sounds(word)


def test_a_name_is_said_about_as_it_is_written() -> None:
    assert sounds("clipmill") == "K L IH P M IH L"


def plausible(words: int = 90, not_found: int = 3, speech_s: float = 30) -> Transcript:
    return Transcript([f"word{number % 50}" for number in range(words)], not_found, speech_s)


def test_ordinary_english_is_not_doubted() -> None:
    assert doubts(plausible()) == []


@pytest.mark.parametrize(
    ("transcript", "reason"),
    [
        (plausible(words=300), "many"),
        (plausible(words=7, not_found=0), "few"),
        (plausible(not_found=60), "another language"),
        (Transcript(["the", "second", "is"] * 20, 0, 20), "repeats"),
    ],
)
def test_the_reason_for_a_doubt_is_named(transcript: Transcript, reason: str) -> None:
    (said,) = doubts(transcript)
    assert reason in said


def test_too_little_to_judge_is_not_doubted() -> None:
    assert doubts(plausible(words=5, not_found=5, speech_s=3)) == []
    assert doubts(plausible(words=0, not_found=0, speech_s=0)) == []


def test_a_speaker_who_repeats_for_effect_is_not_doubted() -> None:
    text = (
        "it was the best of times it was the worst of times it was the age of wisdom it was the age of foolishness "
        "it was the epoch of belief it was the epoch of incredulity"
    )
    assert 0.1 < repeated(text.split()) <= MOST_REPEATED


@pytest.mark.parametrize(("language", "assumed"), [("auto", True), ("", True), ("en", False)])
def test_english_is_heard_asked_for_or_not(language: str, assumed: bool) -> None:
    assert is_assumed(language) is assumed


def test_another_language_is_refused_with_a_remedy() -> None:
    with pytest.raises(LanguageUnsupportedError) as raised:
        is_assumed("de")
    assert raised.value.code == "LANGUAGE_UNSUPPORTED"
    assert "--language en" in raised.value.remedy
