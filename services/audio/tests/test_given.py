"""A given transcript: which words it says, and where they are said."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from clipmill_audio.domain.given import words_of
from clipmill_audio.domain.placed import Placed, place_words
from clipmill_audio.domain.placing import matches
from clipmill_audio.domain.timed import HeardWord, Span

from clipmill_shared.errors import ClipmillError

SRT = """1
00:00:01,000 --> 00:00:03,000
<i>Why does</i> the other line

2
00:00:03,000 --> 00:00:05,500
- always move &amp; move? [laughter]
HOST: It was 1999
"""
VTT = """WEBVTT - talk

NOTE nobody says
this

STYLE
::cue { color: red }

intro
00:01.000 --> 00:03.000 align:start
<v Ann>Why does</v> the other line

00:03.000 --> 00:04.000
the other line
always <00:03.500><c>move?</c>
"""


def said(text: str) -> str:
    return " ".join(words_of(text.encode()))


def test_subrip_is_read_without_what_nobody_says() -> None:
    assert said(SRT) == "Why does the other line always move move? It was 1999"


def test_webvtt_is_read_without_notes_styles_and_names_of_cues() -> None:
    assert said(VTT) == "Why does the other line the other line always move?"


def test_plain_text_is_read_as_it_is() -> None:
    assert said("Why does\nthe line move?\n\n>> It was 10:30 - or so.") == "Why does the line move? It was 10:30 or so."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_of_any_script_and_mark_is_read(encoding: str) -> None:
    assert words_of("Ça va — привет 世界".encode(encoding)) == ["Ça", "va", "привет", "世界"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "INPUT_TRANSCRIPT_EMPTY"),
        (b"\n \n", "INPUT_TRANSCRIPT_EMPTY"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n[music]\n", "INPUT_TRANSCRIPT_EMPTY"),
        ("déjà vu".encode("latin-1"), "INPUT_TRANSCRIPT_UNREADABLE"),
        (b"PK\x03\x04\0\0\0", "INPUT_TRANSCRIPT_UNREADABLE"),
    ],
)
def test_what_is_no_transcript_is_refused_by_name(content: bytes, code: str) -> None:
    with pytest.raises(ClipmillError) as refused:
        words_of(content)
    assert refused.value.code == code


def spoken(text: str, word_s: float = 0.4) -> list[HeardWord]:
    return [HeardWord(i * word_s, (i + 1) * word_s, word) for i, word in enumerate(text.split())]


def nowhere(texts: Sequence[str], _span: Span) -> list[Span | None]:
    return [None] * len(texts)


def placed(given: str, heard: Sequence[HeardWord]) -> Placed:
    return place_words(given.encode(), heard, Span(0, heard[-1].end_s + 1 if heard else 10.0), nowhere)


TALK = "a counter that is busy half of the time has one customer on average and nobody ever waits for long at all there"


def test_words_that_were_heard_so_have_the_times_of_those() -> None:
    heard = spoken(TALK)
    words = placed(TALK.upper(), heard).words
    assert [(w.start_s, w.end_s) for w in words] == [(w.start_s, w.end_s) for w in heard]
    assert " ".join(w.text for w in words) == TALK.upper()


def test_words_that_were_heard_wrong_lie_between_their_neighbours() -> None:
    heard = spoken(TALK.replace("busy half", "bees he have"))
    words = {w.text: w for w in placed(TALK, heard).words}
    assert words["is"].end_s <= words["busy"].start_s <= words["half"].start_s <= words["of"].start_s
    assert not words["busy"].aligned


def test_the_transcript_of_another_video_is_refused() -> None:
    other = "we judge a line by its length and we should judge it by its speed so the shop was closed when it was done"
    with pytest.raises(ClipmillError, match="not this video's") as refused:
        placed(other, spoken(TALK))
    assert refused.value.code == "INPUT_TRANSCRIPT_MISFIT"
    with pytest.raises(ClipmillError, match="nobody speaks"):
        placed(other, [])


def test_a_passage_that_is_not_said_is_left_out_and_named() -> None:
    extra = " ".join(f"never{i}" for i in range(20))
    result = placed(TALK.replace("time has", f"time {extra} has"), spoken(TALK))
    assert " ".join(w.text for w in result.words) == TALK
    assert result.notes == ['20 words of the transcript are not said there ("never0 never1 never2 never3 never4 never5 never6 never7 ...")']  # fmt: skip # noqa: E501


def test_a_passage_that_the_transcript_lacks_is_named() -> None:
    extra = " ".join(f"more{i}" for i in range(20))
    result = placed(TALK, spoken(TALK.replace("time has", f"time {extra} has")))
    assert result.notes == ["what is said from 4 to 12 s is not in the transcript"]


def test_a_transcript_without_punctuation_gets_the_recogniser_s_stops() -> None:
    heard = spoken(TALK.replace("average and", "average. And"))
    assert "average. and" in " ".join(w.text for w in placed(TALK, heard).words)
    assert "average. and" not in " ".join(w.text for w in placed(TALK.replace("all there", "all there."), heard).words)


def test_a_transcript_is_found_whatever_a_third_of_the_words_was_heard_as() -> None:
    rng = random.Random(7)
    vocabulary = [f"w{i}" for i in range(300)]
    given = [rng.choice(vocabulary) for _ in range(2000)]
    heard = [word if rng.random() > 0.33 else rng.choice(vocabulary) for word in given]
    found = matches(given, heard)
    right = sum(j == i for i, j in enumerate(found.heard))
    assert found.anchored > 0.4 and right / len(given) > 0.6
    places = [j for j in found.heard if j is not None]
    assert places == sorted(set(places))
