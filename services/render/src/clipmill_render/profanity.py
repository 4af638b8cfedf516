"""Reads profanity.toml, when a clip is to be masked."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

from clipmill_render.domain.masking import pattern_of

ALWAYS = "en"


@lru_cache(maxsize=8)
def coarse_in(language: str) -> re.Pattern[str]:
    """The coarse words of a language (ISO 639-1), and those of English."""
    lists = tomllib.loads((files("clipmill_render") / "profanity.toml").read_text(encoding="utf-8"))
    return pattern_of([*lists[ALWAYS], *(lists.get(language, []) if language != ALWAYS else [])])


def languages() -> tuple[str, ...]:
    """The languages that have a list."""
    return tuple(tomllib.loads((files("clipmill_render") / "profanity.toml").read_text(encoding="utf-8")))
