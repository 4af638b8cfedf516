"""Joining lines that share sound."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from clipmill_audio.domain.seams import join
from clipmill_audio.domain.timed import HeardWord, Line
from hypothesis import given
from hypothesis import strategies as st

SHARED_S = 0.5
HALF_S = SHARED_S / 2


def line(start_s: float, end_s: float, *words: tuple[str, float, float]) -> Line:
    return Line(start_s, end_s, tuple(HeardWord(begin, end, text) for text, begin, end in words))


def texts(*lines: Line) -> str:
    return " ".join(word.text for word in join(lines))


def test_lines_that_share_no_sound_are_joined_as_they_are() -> None:
    assert texts(line(0, 1, ("that", 0.5, 1.0)), line(1, 2, ("that", 1.0, 1.5))) == "that that"


def test_a_word_that_both_lines_hear_comes_once() -> None:
    left = line(0, 10, ("from", 9.55, 9.75), ("Chicago.", 9.75, 10.0))
    right = line(9.5, 20, ("From", 9.55, 9.75), ("Chicago", 9.75, 10.2), ("also.", 10.3, 10.6))
    assert texts(left, right) == "from Chicago also."


def test_of_two_hearings_the_one_with_more_sound_around_it_stays() -> None:
    left = line(0, 10, ("Chicago.", 9.6, 10.0), ("Al", 9.98, 10.0))
    right = line(9.5, 20, ("Chicago,", 9.62, 10.0), ("also", 10.0, 10.5))
    assert texts(left, right) == "Chicago, also"


def test_a_word_truly_said_twice_at_the_seam_stays_twice() -> None:
    left = line(0, 10, ("that", 9.55, 9.75), ("that", 9.75, 9.95))
    right = line(9.5, 20, ("that", 9.55, 9.75), ("that", 9.75, 9.95), ("is", 10.1, 10.3))
    assert texts(left, right) == "that that is"


def test_a_word_said_twice_is_not_taken_for_one_that_was_heard_twice() -> None:
    left = line(0, 10, ("that", 9.4, 9.7))
    right = line(9.5, 20, ("that", 9.75, 10.05), ("is", 10.1, 10.3))
    assert texts(left, right) == "that that is"


def test_the_rest_of_a_torn_word_goes_where_the_other_line_heard_the_word() -> None:
    left = line(17, 27.04, ("a", 26.12, 26.23), ("Yankee", 26.23, 26.75), ("dad.", 26.75, 27.03))
    right = line(26.56, 30, ("Key", 26.56, 26.74), ("down", 26.74, 27.07), ("here", 27.07, 27.36))
    assert texts(left, right) == "a Yankee down here"


def test_a_word_at_an_edge_stays_when_the_other_line_heard_nothing_there() -> None:
    left = line(0, 10, ("so", 9.0, 9.3))
    right = line(9.5, 20, ("well", 9.5, 9.7), ("yes", 10.2, 10.4))
    assert texts(left, right) == "so well yes"


def test_a_line_cut_while_somebody_speaks_on_says_nothing_of_a_sentence() -> None:
    words = join([line(0, 10, ("call", 9.3, 9.7)), line(9.5, 20, ("me", 9.72, 10.0))])
    assert [word.cut_after for word in words] == [True, False]


def test_a_pause_at_the_seam_leaves_the_punctuation_its_say() -> None:
    words = join([line(0, 10, ("done.", 9.0, 9.4)), line(9.5, 20, ("Next", 9.8, 10.0))])
    assert not any(word.cut_after for word in words)


@dataclass(frozen=True)
class Speech:
    """Words with their true times, and the middles of the cuts."""

    words: list[HeardWord]
    cuts_s: list[float]


@st.composite
def speeches(draw: st.DrawFn) -> Speech:
    # Few different words, so that many are said twice, one after another too.
    at = 0.3
    words = []
    for _ in range(draw(st.integers(1, 40))):
        at += draw(st.sampled_from([0.0, 0.0, 0.05, 0.2, 0.8]))
        length_s = draw(st.floats(0.15, 0.45))
        words.append(HeardWord(at, at + length_s, draw(st.sampled_from(["no", "that", "a", "so", "well"]))))
        at += length_s
    cuts, cut = [], 0.0
    while (cut := cut + draw(st.floats(2.0, 5.0))) < at:
        cuts.append(cut)
    return Speech(words, cuts)


def heard(speech: Speech, draw: st.DrawFn) -> list[Line]:
    """What a recogniser makes of it: whole words with slightly wrong times, anything or nothing of torn words."""
    edges = [0.0, *speech.cuts_s, speech.words[-1].end_s + 1]
    lines = []
    for start, end in itertools.pairwise(edges):
        start_s = start - HALF_S if start else 0.0
        end_s = end + HALF_S
        words = []
        for word in speech.words:
            begin, stop = max(word.start_s, start_s), min(word.end_s, end_s)
            if (begin, stop) == (word.start_s, word.end_s):
                wrong_s = draw(st.floats(-0.01, 0.01))
                words.append(HeardWord(max(start_s, begin + wrong_s), min(end_s, stop + wrong_s), word.text))
            elif stop - begin > 0.02 and draw(st.booleans()):
                words.append(HeardWord(begin, stop, draw(st.sampled_from(["uh", "no", "hm"]))))
        lines.append(Line(start_s, end_s, tuple(words)))
    return lines


@given(st.data())
def test_any_split_with_shared_sound_gives_back_the_words(data: st.DataObject) -> None:
    speech = data.draw(speeches())
    lines = heard(speech, data.draw)
    assert [word.text for word in join(lines)] == [word.text for word in speech.words]
