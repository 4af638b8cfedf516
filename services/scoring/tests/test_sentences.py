"""The sentence encoder itself: what it takes for the same, and what not."""

import numpy as np
import pytest
from clipmill_scoring.domain.sayings import ALIKE
from clipmill_scoring.models.sentences import Sentences, knows

SAME = [
    (
        "The queue next to you always moves faster than yours.",
        "So the queue next to you always moves faster than your own.",
    ),
    (
        "We started the company in a garage with three people.",
        "We started this company in a garage with just three people.",
    ),
    (
        "If you only remember one thing from this talk, remember this.",
        "If you remember only one thing from today, remember this.",
    ),
    (
        "I asked my boss and she said that nobody ever reads the report.",
        "I asked my boss, and she told me nobody ever reads the reports.",
    ),
    (
        "The first rule is that you never ship on a Friday afternoon.",
        "Um the first rule is you never ever ship on a Friday afternoon.",
    ),
    (
        "Most people think that talent is what makes the difference.",
        "Most people believe that talent makes the difference.",
    ),
    (
        "It took us four years to understand what went wrong.",
        "It took us four years to figure out what had gone wrong.",
    ),
    ("Let me show you how the machine works in practice.", "Let me show you how this machine works in practice, okay."),
    ("And that is why I think that schools kill creativity.", "That's why I think schools are killing creativity."),
    ("The doctor told me that I had six months to live.", "My doctor told me I had only six months left to live."),
    (
        "You have to write down what you want to do tomorrow.",
        "You have to write down the thing you want to do tomorrow.",
    ),
    (
        "Warum ist die andere Reihe immer schneller als meine?",
        "Warum ist bloß die andere Reihe immer schneller als meine?",
    ),
]
OTHER = [
    (
        "The queue next to you always moves faster than yours.",
        "A queue is slow because one server has to do all the work.",
    ),
    ("We started the company in a garage with three people.", "We sold the company to three people from California."),
    (
        "The first rule is that you never ship on a Friday afternoon.",
        "The second rule is that you always test on a Monday morning.",
    ),
    (
        "Most people think that talent is what makes the difference.",
        "Most people think that the weather makes them happy.",
    ),
    ("It took us four years to understand what went wrong.", "It took me two weeks to write the first chapter."),
    ("Let me show you how the machine works in practice.", "Let me tell you how my mother learned to drive."),
    ("The doctor told me that I had six months to live.", "The doctor told her that the baby was healthy."),
    ("You have to write down what you want to do tomorrow.", "You have to write a letter to the person you hurt."),
    ("There are two kinds of people in this world.", "There are three ways to lose a war in this country."),
    ("We need more women in technology.", "We need more technology in schools."),
    (
        "In two thousand and five we had ten users and no money.",
        "In two thousand and nine we had a million users and a lawsuit.",
    ),
    ("I think the market will go up over the next year.", "I think the market will crash during the coming months."),
    ("The patients who took the drug lived longer.", "The patients who did not take the drug died earlier."),
    ("My brother is older than me by three years.", "My sister is younger than me by two years."),
    ("Thank you very much for having me here today.", "Thank you all for coming to the talk today."),
]


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    return Sentences()


def likeness(sentences: Sentences, pairs) -> list[float]:
    one, other = (sentences.embed([pair[side] for pair in pairs]) for side in (0, 1))
    assert np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    return np.sum(one * other, axis=1).tolist()


def test_what_is_said_again_in_other_words_is_alike(sentences):
    assert min(likeness(sentences, SAME)) >= ALIKE


def test_a_sentence_of_the_same_build_about_something_else_is_not(sentences):
    assert max(likeness(sentences, OTHER)) < ALIKE


def test_a_sentence_embedded_among_others_is_the_same_as_alone(sentences):
    texts = [pair[0] for pair in OTHER]

    assert np.allclose(sentences.embed(texts)[3], sentences.embed([texts[3]])[0], atol=1e-5)


def test_languages():
    assert knows("en-US")
    assert knows("")
    assert not knows("cy")
