"""Coarse words, covered."""

import pytest

from clipmill.profanity import coarse_in, covered, languages


@pytest.mark.parametrize(
    ("language", "text", "shown"),
    [
        ("en", "Oh shit, that is fucking late!", "Oh s***, that is f****** late!"),
        ("de", "So eine Scheiße, and shit.", "So eine S******, and s***."),
        ("xx", "Shit happens to shiitake.", "S*** happens to shiitake."),
        ("en", "Nothing at all.", "Nothing at all."),
    ],
)
def test_the_first_letter_stays_and_other_words_are_left_alone(language, text, shown):
    assert covered(text, coarse_in(language)) == shown


def test_every_language_has_words_of_its_own():
    assert {"en", "de", "es"} <= set(languages())
    assert all(coarse_in(language).pattern for language in languages())
