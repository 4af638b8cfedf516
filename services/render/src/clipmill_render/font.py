"""The font of burnt-in captions, from a package: Roboto Black (Apache-2.0; Latin, Greek, Cyrillic)."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from clipmill_render.domain.captions import Measure


@cache
def font_file() -> Path:
    return Path(str(files("font_roboto") / "files" / "Roboto-Black.ttf"))


@cache
def text_width(em: int) -> Measure:
    """Measures a text in pixels at an em of `em` pixels."""
    from PIL import ImageFont

    # Captions ask for the same runs of words again and again, each time .1 ms.
    return lru_cache(maxsize=10_000)(ImageFont.truetype(font_file(), em).getlength)
