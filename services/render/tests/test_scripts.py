"""Every script is drawn in a font that has it, in its order, and lines break where its readers expect it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from clipmill_render import ffmpeg
from clipmill_render.domain.ass import ass_of
from clipmill_render.domain.captions import Caption, CaptionLayout, SpokenWord, breakable, captions_of
from clipmill_render.domain.lettering import lettering_for
from clipmill_render.domain.scripts import columns, joined, units
from clipmill_render.domain.typeface import scripts_of
from clipmill_render.font import font_file, typeface
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipmill.clips.v1.clips_pb2 import CAPTION_STYLE_KARAOKE, CaptionLook
from clipmill.looks import whole_look

SAID = {
    "Noto Sans CJK JP": "日本語の字幕",
    "Noto Sans Arabic": "مرحبا",
    "Heebo": "שלום",
    "Noto Sans Devanagari": "नमस्ते",
    "Noto Sans Thai": "สวัสดี",
    "Roboto Black": "Привет",
}
FACE = typeface("roboto-black", 60)


def drawn(words: list[SpokenWord], at_s: float, folder: Path) -> np.ndarray:
    """A frame with one caption of `words`: RGB on black, the word that is said yellow."""
    look = lettering_for(900, 300, whole_look(CAPTION_STYLE_KARAOKE, CaptionLook(outline=0.0)))
    caption = Caption(tuple(words), (len(words),), 0, 500)
    (folder / "a.ass").write_text(ass_of([caption], [60], look, FACE), encoding="utf-8")
    fonts = folder / "fonts"
    fonts.mkdir(exist_ok=True)
    for font in FACE.fonts_of(word.text for word in words):
        link = fonts / font_file(font).name
        link.unlink(missing_ok=True)
        link.symlink_to(font_file(font))
    source = f"color=c=black:s=900x300:r=10:d=5,trim=start={at_s},ass=a.ass:fontsdir=fonts"
    ffmpeg.run(["-f", "lavfi", "-i", source, "-frames:v", "1", "a.png"], folder)
    with Image.open(folder / "a.png") as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize("family", list(SAID))
def test_each_script_has_its_font(family: str):
    assert [run.font.family for run in FACE.runs(SAID[family])] == [family]
    assert FACE.lacking([SAID[family]]) == []


def test_a_letter_that_no_font_has_is_told_and_never_drawn_as_a_box():
    assert FACE.lacking(["ok ᚠᚱ"]) == ["ᚠ", "ᚱ"]
    assert scripts_of(FACE.lacking(["ᚠ"])) == ["RUNIC"]
    assert [run.text for run in FACE.runs("aᚠb")] == ["ab"]


@pytest.mark.parametrize(("text", "right_to_left"), [("one two", False), ("واحد اثنان", True), ("אחת שתיים", True)])
def test_the_first_word_stands_where_its_script_begins(text: str, right_to_left: bool, tmp_path: Path):
    first, second = text.split()
    picture = drawn([SpokenWord(first, 0, 3), SpokenWord(second, 3, 5)], 0.5, tmp_path)
    yellow = np.flatnonzero(((picture[:, :, 0] > 150) & (picture[:, :, 2] < 90)).any(axis=0))
    white = np.flatnonzero((picture.min(axis=2) > 150).any(axis=0))
    assert len(yellow) > 20
    assert len(white) > 20
    assert (yellow.mean() > white.mean()) == right_to_left


def test_arabic_letters_are_joined(tmp_path: Path):
    """Joined letters are narrower than the same ones apart, and leave no gap between columns of ink."""
    whole = drawn([SpokenWord("بيت", 0, 5)], 0.5, tmp_path)
    apart = drawn([SpokenWord("ب\u200cي\u200cت", 0, 5)], 0.5, tmp_path)

    def ink(picture: np.ndarray) -> np.ndarray:
        return np.flatnonzero((picture.max(axis=2) > 100).any(axis=0))

    assert np.diff(ink(whole)).max() == 1
    assert np.ptp(ink(whole)) < 0.9 * np.ptp(ink(apart))


def test_words_of_unspaced_scripts_are_joined_without_spaces():
    assert joined(["今日は", "いい", "天気", "OK", "です"]) == "今日はいい天気 OK です"
    assert joined(["안녕", "하세요"]) == "안녕 하세요"


@given(st.text(st.sampled_from("日本語「」、。っー（）カナabc12 "), max_size=40).map(str.strip).filter(bool))
def test_a_text_in_pieces_is_the_same_text_and_breaks_where_it_may(text: str):
    pieces = units(text)
    assert "".join(pieces) == text
    for before, after in itertools.pairwise(pieces):
        assert after[0] not in "」、。っー）"
        assert before[-1] not in "「（"


def test_a_japanese_sentence_without_spaces_is_broken_into_lines_that_fit():
    sentence = SpokenWord("私たちは毎日、長い列に並んで待っています。", 0.0, 4.0, ends_sentence=True)
    captions = captions_of(list(breakable([sentence])), CaptionLayout(columns, 16, 60, 6.0), 5.0)
    lines = [line for caption in captions for line in caption.text_lines]
    assert "".join(lines) == sentence.text
    assert all(columns(line) <= 16 for line in lines)
    assert [word.ends_sentence for word in breakable([sentence])].count(True) == 1
