"""The fonts of burnt-in captions, from packages.

Roboto (Apache-2.0; Latin, Greek, Cyrillic) is always here. Other scripts have fonts under the Open Font License in
packages that are installed where they are wanted (`make fonts`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from clipmill_render.domain.typeface import Font, Typeface

_ROBOTO = 2048 / 2701
FONTS = {
    "roboto-black": Font("Roboto Black", "font_roboto", "files/Roboto-Black.ttf", _ROBOTO),
    "roboto-bold": Font("Roboto Bold", "font_roboto", "files/Roboto-Bold.ttf", _ROBOTO),
    "roboto-medium": Font("Roboto Medium", "font_roboto", "files/Roboto-Medium.ttf", _ROBOTO),
    "roboto-regular": Font("Roboto", "font_roboto", "files/Roboto-Regular.ttf", _ROBOTO),
}
# In the order in which they are asked for a glyph.
OTHERS = (
    Font("Noto Sans CJK JP", "noto_cjk_sans_jp_bold", "NotoSansCJKjp-Bold.otf", 1000 / 1448),
    Font("Noto Sans Arabic", "fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf", 1000 / 2169),
    Font("Heebo", "fontpkg_heebo", "files/Heebo[wght].ttf", 2048 / 3008),
    Font(
        "Noto Sans Devanagari", "fontpkg_noto_sans_devanagari", "files/NotoSansDevanagari[wdth,wght].ttf", 1000 / 1906
    ),
    Font("Noto Sans Thai", "fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf", 1000 / 1511),
)
# All that Roboto has of Latin: not worth asking.
_ALWAYS = 0x17F


@cache
def font_file(font: Font) -> Path | None:
    """Where the font lies; None where its package is not installed."""
    spec = find_spec(font.package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / font.file
    return path if path.is_file() else None


def typeface(name: str, em: int) -> Typeface:
    """The look's font and the others that are here, measuring in pixels at an em of `em` pixels."""
    return Typeface(FONTS[name], [font for font in OTHERS if font_file(font)], _has_glyph, _measure(em))


def _measure(em: int) -> Callable[[Font, str], float]:
    return lambda font, text: float(_opened(font, em).getlength(text))


@cache
def _opened(font: Font, em: int):  # type: ignore[no-untyped-def]  # Pillow's font, which is not to be imported here
    from PIL import ImageFont

    return ImageFont.truetype(str(font_file(font)), em)


@cache
def _has_glyph(font: Font, character: str) -> bool:
    """True when the font draws the character otherwise than what it has no glyph for."""
    if 0x20 < ord(character) <= _ALWAYS:
        return True
    return _drawn(font, character) != _drawn(font, "\U0010fffe")


@cache
def _drawn(font: Font, character: str) -> tuple[bytes, float]:
    opened = _opened(font, 32)
    return bytes(opened.getmask(character)), float(opened.getlength(character))
