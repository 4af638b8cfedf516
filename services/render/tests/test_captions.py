"""Every word is shown once, in order, while it is said, on at most two lines that break where a reader would pause."""

from __future__ import annotations

import pytest
from clipmill_render.domain.captions import Caption, CaptionLayout, SpokenWord, captions_of
from clipmill_render.domain.subtitles import ass_of, escaped, look_for, srt_of
from hypothesis import given
from hypothesis import strategies as st

from clipmill.clips.v1.clips_pb2 import CaptionArea

LAYOUT = CaptionLayout(measure=len, max_width=20, max_words=7, max_s=3.0)
DURATION_S = 30.0

texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=25)
spoken = st.lists(
    st.builds(
        lambda text, start_s, length_s, ends: SpokenWord(text, start_s, min(start_s + length_s, DURATION_S), ends),
        texts,
        st.floats(0, DURATION_S),
        st.floats(0, 2),
        st.booleans(),
    ),
    max_size=60,
).map(lambda words: sorted(words, key=lambda word: word.start_s))


def words(text: str, step_s: float = 0.4) -> list[SpokenWord]:
    return [SpokenWord(word, n * step_s, n * step_s + 0.35) for n, word in enumerate(text.split())]


def shown(text: str, **layout: float) -> list[tuple[str, ...]]:
    wanted = CaptionLayout(**{**LAYOUT.__dict__, **layout})
    return [caption.text_lines for caption in captions_of(words(text), wanted, DURATION_S)]


@given(spoken)
def test_every_word_is_in_the_captions_once_and_in_order(said: list[SpokenWord]):
    captions = captions_of(said, LAYOUT, DURATION_S)
    assert [word for caption in captions for word in caption.words] == said
    assert " ".join(line for c in captions for line in c.text_lines) == " ".join(word.text for word in said)


@given(spoken)
def test_captions_lie_in_the_clip_and_never_overlap(said: list[SpokenWord]):
    captions = captions_of(said, LAYOUT, DURATION_S)
    edges = [edge for caption in captions for edge in (caption.start_cs, caption.end_cs)]
    assert edges == sorted(edges)
    assert all(0 <= c.start_cs < c.end_cs <= DURATION_S * 100 for c in captions)


@given(spoken)
def test_captions_have_at_most_two_lines_that_fit(said: list[SpokenWord]):
    for caption in captions_of(said, LAYOUT, DURATION_S):
        assert len(caption.lines) <= 2
        assert len(caption.words) <= LAYOUT.max_words
        assert all(len(line) * caption.shrink <= LAYOUT.max_width + 1e-9 for line in caption.text_lines)


@given(spoken)
def test_a_subtitle_file_has_every_word(said: list[SpokenWord]):
    srt = srt_of(captions_of(said, LAYOUT, DURATION_S))
    assert [line for line in srt.split("\n") if line] or not said
    position = 0
    for word in said:
        position = srt.index(word.text, position) + len(word.text)


def test_lines_break_between_sentences_and_clauses_and_not_after_an_article():
    assert shown("Is it true? Yes, it is the best of all") == [("Is it true?",), ("Yes, it is the best", "of all")]


def test_a_long_pause_ends_a_caption():
    said = [SpokenWord("one", 0, 0.3), SpokenWord("two", 2.0, 2.3)]
    assert [c.text_lines for c in captions_of(said, LAYOUT, DURATION_S)] == [("one",), ("two",)]


def test_a_caption_stays_until_the_next_when_that_comes_soon():
    said = [SpokenWord("o" * 20, 0.0, 0.35), SpokenWord("t" * 20, 0.7, 1.0)]
    narrow = CaptionLayout(len, 20, 1, 3.0)
    first, second = captions_of(said, narrow, DURATION_S)
    assert (first.end_cs, second.start_cs, second.end_cs) == (70, 70, 120)


def test_a_word_wider_than_a_line_is_drawn_smaller():
    (caption,) = captions_of([SpokenWord("x" * 40, 0, 1)], LAYOUT, DURATION_S)
    assert caption.shrink == 0.5


@pytest.mark.parametrize(
    ("said", "drawn"),
    [("{b}", "\\{b\\}"), ("C:\\new", "C:\\\u2060new"), ("{\\pos(0,0)}", "\\{\\\u2060pos(0,0)\\}"), ("a\nb", "a b")],
)
def test_text_cannot_become_a_command_of_the_caption_format(said: str, drawn: str):
    assert escaped(said) == drawn


def test_karaoke_lights_one_word_at_a_time():
    caption = Caption(tuple(words("one two")), (2,), 0, 100)
    last = ass_of([caption], look_for(720, 1280, karaoke=True)).splitlines()[-1]
    assert last.startswith("Dialogue: 0,0:00:00.00,0:00:01.00,Caption,")
    assert last.endswith(
        ",,{\\1c&H0000E5FF&\\t(400,400,\\1c&H00FFFFFF&)}one "
        "{\\1c&H00FFFFFF&\\t(400,400,\\1c&H0000E5FF&)\\t(1000,1000,\\1c&H00FFFFFF&)}two"
    )


def test_captions_of_a_vertical_video_keep_off_what_the_apps_draw():
    look = look_for(1080, 1920, karaoke=True)
    assert look.bottom_margin >= 0.2 * 1920
    assert look.side_margin >= 0.11 * 1080


def test_captions_keep_off_the_area_that_the_task_names():
    look = look_for(1080, 1920, CaptionArea(side=0.2, bottom=0.35), karaoke=True)
    assert (look.side_margin, look.bottom_margin) == (216, 672)
    assert f",{look.side_margin},{look.side_margin},{look.bottom_margin},1" in ass_of([], look)


def test_a_subrip_file_is_as_players_expect_it():
    caption = Caption(tuple(words("Hello, world. Again")), (2, 1), 361_005, 361_250)
    assert srt_of([caption]) == "1\n01:00:10,050 --> 01:00:12,500\nHello, world.\nAgain\n"
