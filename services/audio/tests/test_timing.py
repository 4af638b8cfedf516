"""Words that were not found in the sound lie between those that were."""

from __future__ import annotations

import itertools

from clipmill_audio.domain.timed import Span
from clipmill_audio.domain.timing import time_words
from hypothesis import given
from hypothesis import strategies as st


def times(texts: list[str], found: list[Span | None]) -> list[tuple[float, float, bool]]:
    words = time_words(texts, found, Span(0.0, 10.0))
    return [(round(word.start_s, 3), round(word.end_s, 3), word.aligned) for word in words]


def test_found_words_keep_their_place() -> None:
    assert times(["so"], [Span(1, 2)]) == [(1, 2, True)]


def test_missing_words_share_the_time_between_their_neighbours_by_length() -> None:
    found = [Span(1, 2), None, None, Span(5, 6)]
    assert times(["so", "ab", "abcd", "well"], found)[1:3] == [(2, 3, False), (3, 5, False)]


def test_missing_words_at_the_edges_take_what_the_line_leaves() -> None:
    assert times(["ab", "so", "ab"], [None, Span(4, 6), None]) == [(0, 4, False), (4, 6, True), (6, 10, False)]


def test_a_line_of_which_nothing_was_found_is_spread() -> None:
    assert times(["ab", "ab"], [None, None]) == [(0, 5, False), (5, 10, False)]


@given(st.lists(st.tuples(st.text(min_size=1, max_size=9), st.booleans()), max_size=20))
def test_every_word_gets_times_in_order_inside_the_line(said: list[tuple[str, bool]]) -> None:
    step_s = 10 / max(1, len(said))
    found = [Span(i * step_s, (i + 0.9) * step_s) if is_found else None for i, (_, is_found) in enumerate(said)]
    words = time_words([text for text, _ in said], found, Span(0.0, 10.0))
    assert [word.text for word in words] == [text for text, _ in said]
    edges = [0.0, *(edge for word in words for edge in (word.start_s, word.end_s)), 10.0 + 1e-6]
    assert all(edge <= after + 1e-6 for edge, after in itertools.pairwise(edges))
