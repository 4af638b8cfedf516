"""Sentences, spoken forms, doubts, languages."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_audio.domain.doubt import (
    MOST_REPEATED,
    Transcript,
    doubts,
    is_implausible,
    repeated,
    said_again,
    unknown_words,
)
from clipmill_audio.domain.language import is_assumed
from clipmill_audio.domain.pronunciation import number_words, sounds, spoken
from clipmill_audio.domain.seams import plain
from clipmill_audio.domain.sentences import may_end, sentence_ends
from clipmill_audio.models.sphinx import Aligner
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
        (plausible(not_found=60), "do not fit the sound"),
        (Transcript([f"w{n}" for n in range(100)], 0, 30, unknown=20), "another language"),
        (Transcript(["the", "second", "is"] * 20, 0, 20), "repeats"),
    ],
)
def test_the_reason_for_a_doubt_is_named(transcript: Transcript, reason: str) -> None:
    (said,) = doubts(transcript)
    assert reason in said


# What the engine made of a natural voice that spoke Spanish, French and Portuguese.
HEARD_IN_OTHER_LANGUAGES = {
    "es": (
        "Buenos dias a todos y gracias porveni. O I, Kiero, ablared the history of our life, and, as we have been "
        "in the last five years. This was Diego de Las Fabricas and with Jesus Diego de Montes, Familias de "
        "Otraspovos que busca van trabajo. O itenemos que decirrir que clas de Ciudad que remos de har en "
        "nuestrosivos."
    ),
    "fr": (
        "Bongjoo Atus emesi datavani. And the other, the one who has the power to destroy the earth, is the one "
        "who has the power to destroy the earth. Conjutés enfants le houzet et altaires, eni avec pasque pas du "
        "voir tio. Le Jean sa se el lus soir de vole mes aux, et par le avec la voza."
    ),
    "pt": (
        "Bonjia atodosia Brigade Porteren Vindo. Oji caro falarda is stored in osecidagi and como el amudo nos "
        "últimos sinquentanas. Espezos sentavo aporta de Casa no fin dataji, and convei savo conues vizinos. A "
        "miniavo fazilla, pong todas as mayanz yven jia nomercad."
    ),
}
ENGLISH = (
    "Good morning everybody and thank you for coming. Today I'd like to talk about the history of Smith's "
    "town, and how it has changed over the last 50 years: when I was a child the streets were made of sand, "
    "and there were hardly any cars. It was the best of times, it was the worst of times, it was the age of "
    "wisdom, it was the age of foolishness."
)


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


def judged(text: str, aligner: Aligner) -> bool:
    words = text.split()
    return is_implausible(len(words), unknown_words(words, aligner.knows), said_again([plain(word) for word in words]))


@pytest.mark.parametrize("language", HEARD_IN_OTHER_LANGUAGES)
def test_english_that_was_made_of_another_language_is_implausible(language: str, aligner: Aligner) -> None:
    assert judged(HEARD_IN_OTHER_LANGUAGES[language], aligner)


def test_english_is_plausible_with_numbers_names_and_rhetoric(aligner: Aligner) -> None:
    assert unknown_words(ENGLISH.split(), aligner.knows) == 0
    assert not judged(ENGLISH, aligner)


def test_a_word_that_was_given_sounds_by_guess_is_still_unknown(aligner: Aligner) -> None:
    aligner.align(["espezos", "sentavo"], np.zeros(16_000, np.int16))
    assert unknown_words(["Espezos", "sentavo,", "no"], aligner.knows) == 2


def test_a_loop_is_said_again_and_a_phrase_long_ago_is_not() -> None:
    loop = ["the", "number", "of", "the", "number", "of", "the", "number", "of", "the"]
    assert said_again(loop) == len(loop) - 3
    phrase = ["once", "upon", "a", "time"]
    assert said_again([*phrase, *(f"w{n}" for n in range(40)), *phrase]) == 0


def test_a_few_words_are_never_called_implausible() -> None:
    assert not is_implausible(29, 29, 0)
    assert is_implausible(30, 9, 0)


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
