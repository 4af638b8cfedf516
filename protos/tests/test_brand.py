"""A brand is read with its files; what is wrong with it is said by the field's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipmill.brand import BrandError, brand_file
from clipmill.clips.v1.clips_pb2 import (
    CAPTION_STYLE_BLOCK,
    CAPTION_STYLE_KARAOKE,
    Brand,
    BrandColours,
    CaptionLook,
    Logo,
)
from clipmill.looks import looks, whole_look

WHOLE = """
name = "Acme"
[colours]
text = "#fff8f0"
accent = "#ff3366"
background = "#101820"
[captions]
font = "roboto-bold"
[logo]
file = "logo.png"
corner = "bottom-left"
width = 0.2
opacity = 0.8
[intro]
file = "cards/intro.mp4"
[outro]
file = "cards/outro.png"
length_s = 1.5
"""


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "brand.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_its_brand_toml_and_files_lie_beside_it(tmp_path: Path):
    folder = written(tmp_path / "acme", WHOLE)
    found = brand_file(folder)
    assert found == brand_file(folder / "brand.toml")
    assert found.files == {
        "logo": folder / "logo.png",
        "intro": folder / "cards/intro.mp4",
        "outro": folder / "cards/outro.png",
    }
    brand = found.brand
    assert (brand.name, brand.logo.corner, brand.logo.opacity) == ("Acme", Logo.CORNER_BOTTOM_LEFT, 0.8)
    assert (brand.outro.length_s, brand.HasField("intro"), brand.captions.font) == (1.5, True, "roboto-bold")


def test_a_brand_without_a_name_has_its_folder_s(tmp_path: Path):
    assert brand_file(written(tmp_path / "acme", "")).brand == Brand(name="acme")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[logo]", r"logo\.file"),
        ('[logo]\nfile = "a.png"\ncorner = "middle"', r"logo\.corner"),
        ('[logo]\nfile = "a.png"\nwidth = 2', r"logo\.width"),
        ('[logo]\nfile = "a.png"\nopacity = nan', r"logo\.opacity"),
        ('[logo]\nfile = "a.png"\nopacity = true', r"logo\.opacity"),
        ('[logo]\nfile = "a.png"\nsize = 1', r"logo\.size"),
        ('[outro]\nfile = "a.png"\nlength_s = 60', r"outro\.length_s"),
        ('[colours]\naccent = "red"', r"colours\.accent"),
        ('[captions]\nfont = "comic"', r"captions\.font"),
        ("[music]", "music"),
        ("logo = 1", "logo"),
        ('name = "' + "a" * 99 + '"', "name"),
        ("name = ", "TOML"),
    ],
)
def test_a_fault_names_its_field(tmp_path: Path, text: str, field: str):
    with pytest.raises(BrandError, match=field):
        brand_file(written(tmp_path, text))


def test_captions_take_the_brand_s_colours_where_their_look_has_any():
    brand = Brand(colours=BrandColours(text="#aaaaaa", accent="#ff3366", background="#101820"))
    karaoke = whole_look(CAPTION_STYLE_KARAOKE, CaptionLook(), brand)
    assert (karaoke.colour, karaoke.spoken_colour) == ("#aaaaaa", "#ff3366")
    assert (karaoke.keyword_colour, karaoke.box_colour) == ("", "")
    # The box lets through as much as it did.
    assert whole_look(CAPTION_STYLE_BLOCK, CaptionLook(), brand).box_colour == "#1018207f"


def test_the_request_s_own_look_comes_before_the_brand_s():
    brand = Brand(captions=CaptionLook(name="boxed", size=1.5), colours=BrandColours(text="#aaaaaa"))
    look = whole_look(CAPTION_STYLE_KARAOKE, CaptionLook(size=0.5, colour="#000000"), brand)
    assert (look.name, look.size, look.colour) == ("boxed", 0.5, "#000000")
    # A job pins it whole, and what is whole is not changed again.
    assert whole_look(CAPTION_STYLE_KARAOKE, look, brand) == look
    assert looks()["boxed"].colour == "#c8c8c8"
