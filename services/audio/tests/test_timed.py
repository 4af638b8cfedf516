"""Words are in order, inside the part, and none overlaps the next."""

from __future__ import annotations

from clipmill_audio.domain.timed import HeardWord, Span, tidy
from hypothesis import given
from hypothesis import strategies as st

seconds = st.floats(-5, 25)
words = st.builds(HeardWord, seconds, seconds, st.sampled_from(["one", "two"]))


@given(st.lists(words), seconds, st.floats(0, 20))
def test_whatever_was_heard_is_tidied(heard: list[HeardWord], start_s: float, length_s: float) -> None:
    part = Span(start_s, start_s + length_s)
    tidied = tidy(heard, part)
    assert [word.text for word in tidied] == [word.text for word in heard]
    edges = [part.start_s, *(edge for word in tidied for edge in (word.start_s, word.end_s)), part.end_s]
    assert edges == sorted(edges)


def test_words_that_are_in_order_stay_as_they_are() -> None:
    heard = [HeardWord(1.0, 1.5, "one"), HeardWord(1.5, 2.0, "two")]
    assert tidy(heard, Span(0, 3)) == heard


def test_two_words_that_claim_the_same_time_meet_in_its_middle() -> None:
    tidied = tidy([HeardWord(1.0, 1.6, "one"), HeardWord(1.4, 2.0, "two")], Span(0, 3))
    assert [(word.start_s, word.end_s) for word in tidied] == [(1.0, 1.5), (1.5, 2.0)]
