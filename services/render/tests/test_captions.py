"""Every word is shown once, in order, while it is said, on at most two lines that break where a reader would pause."""

from __future__ import annotations

from dataclasses import replace

import pysubs2
import pytest
from clipmill_render.domain.ass import ass_of, escaped
from clipmill_render.domain.captions import Caption, CaptionLayout, SpokenWord, captions_of
from clipmill_render.domain.lettering import Lettering, lettered, lettering_for
from clipmill_render.domain.scripts import columns, joined
from clipmill_render.domain.subtitles import srt_of, vtt_of
from clipmill_render.domain.typeface import Typeface
from clipmill_render.font import FONTS, typeface
from hypothesis import given
from hypothesis import strategies as st

from clipmill.clips.v1.clips_pb2 import CAPTION_STYLE_KARAOKE, CaptionArea, CaptionLook
from clipmill.looks import whole_look

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
    assert joined(line for c in captions for line in c.text_lines) == joined(word.text for word in said)


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


def lettering(width: int, height: int, area: CaptionArea | None = None, **said: object) -> Lettering:
    return lettering_for(width, height, whole_look(CAPTION_STYLE_KARAOKE, CaptionLook(**said)), area)


def drawn(captions: list[Caption], look: Lettering) -> str:
    """The text of the last event."""
    face = Typeface(FONTS["roboto-black"], [], lambda _font, _text: True, lambda _font, text: len(text))
    return ass_of(captions, [look.bottom_margin] * len(captions), look, face).splitlines()[-1].split(",", 9)[-1]


def test_karaoke_lights_one_word_at_a_time():
    caption = Caption(tuple(words("one two")), (2,), 0, 100)
    assert drawn([caption], lettering(720, 1280)) == (
        "{\\1c&H00E5FF&\\t(400,400,\\1c&HFFFFFF&)}one "
        "{\\1c&HFFFFFF&\\t(400,400,\\1c&H00E5FF&)\\t(1000,1000,\\1c&HFFFFFF&)}two"
    )


def test_a_look_without_a_lit_word_draws_plain_text():
    caption = Caption(tuple(words("one two three")), (2, 1), 0, 100)
    assert drawn([caption], lettering(720, 1280, name="quiet")) == "one two\\Nthree"


def test_words_that_the_clip_is_about_have_their_own_colour():
    one, two = words("one two")
    caption = Caption((one, replace(two, is_keyword=True)), (2,), 0, 100)
    look = lettering(720, 1280, name="keywords", keyword_colour="#102030", colour="#ffffff80")
    assert drawn([caption], look) == "{\\1c&HFFFFFF&\\1a&H7F&}one {\\1c&H302010&}two"


def test_captions_of_a_vertical_video_keep_off_what_the_apps_draw():
    look = lettering(1080, 1920)
    assert look.bottom_margin >= 0.2 * 1920
    assert look.side_margin >= 0.11 * 1080


def test_captions_keep_off_the_area_that_the_task_names():
    look = lettering(1080, 1920, CaptionArea(side=0.2, bottom=0.35))
    assert (look.side_margin, look.bottom_margin) == (216, 672)
    assert f",{look.side_margin},{look.side_margin},{look.bottom_margin},-1" in ass_of(
        [], [], look, typeface("roboto-black", 20)
    )


def test_emoji_of_a_transcript_are_drawn_only_where_the_look_says_so():
    said = [SpokenWord("Yes!\U0001f389", 0, 1), SpokenWord("\U0001f600\ufe0f", 1, 2), SpokenWord("ok", 2, 3)]
    assert [word.text for word in lettered(said, CaptionLook(emoji=False))] == ["Yes!", "ok"]
    assert [word.text for word in lettered(said, CaptionLook(emoji=True, uppercase=True))] == [
        "YES!\U0001f389", "\U0001f600\ufe0f", "OK"
    ]  # fmt: skip


def test_a_subrip_file_is_as_players_expect_it():
    caption = Caption(tuple(words("Hello, world. Again")), (2, 1), 361_005, 361_250)
    assert srt_of([caption]) == "1\n01:00:10,050 --> 01:00:12,500\nHello, world.\nAgain\n"


@given(spoken)
def test_subtitle_files_say_the_same_when_they_are_read_again(said: list[SpokenWord]):
    captions = captions_of(said, CaptionLayout(columns, 42, 20, 6.0), DURATION_S)
    look, face = lettering(720, 1280), typeface("roboto-black", 20)
    wanted = [(c.start_cs * 10, c.end_cs * 10) for c in captions]
    files = {
        "srt": srt_of(captions),
        "vtt": vtt_of(captions, "en"),
        "ass": ass_of(captions, [1] * len(captions), look, face),
    }
    for name, text in files.items():
        assert [(event.start, event.end) for event in pysubs2.SSAFile.from_string(text, name)] == wanted


def test_webvtt_shows_text_as_it_stands_and_says_who_speaks():
    one, two = words("<b>&amp; --> two")[:2], words("Yes.")
    said = [replace(word, speaker=1) for word in one] + [replace(word, start_s=3, end_s=4, speaker=2) for word in two]
    text = vtt_of(captions_of(said, LAYOUT, 5.0), "en")
    assert text == (
        "WEBVTT\nLanguage: en\n\n1\n00:00:00.000 --> 00:00:00.950\n<v Speaker 1>&lt;b&gt;&amp;amp; --&gt;\n\n"
        "2\n00:00:03.000 --> 00:00:04.200\n<v Speaker 2>Yes.\n"
    )


def test_subrip_names_each_speaker_who_begins():
    said = [replace(word, speaker=1 + (word.start_s > 1)) for word in words("One. Two. Three. Four. Five.")]
    lines = srt_of(captions_of(said, CaptionLayout(len, 5, 1, 3.0), 9)).splitlines()
    assert [line for line in lines if "." in line] == ["Speaker 1: One.", "Two.", "Three.", "Speaker 2: Four.", "Five."]


def test_a_caption_has_one_speaker():
    said = [replace(word, speaker=1 + n // 2) for n, word in enumerate(words("a b c d"))]
    assert [caption.text_lines for caption in captions_of(said, LAYOUT, DURATION_S)] == [("a b",), ("c d",)]
