"""Coarse words, and how they are covered wherever a clip's words are shown."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

ALWAYS = "en"


@lru_cache(maxsize=8)
def coarse_in(language: str) -> re.Pattern[str]:
    """The coarse words of a language (ISO 639-1), and those of English."""
    lists = _lists()
    return pattern_of([*lists[ALWAYS], *(lists.get(language, []) if language != ALWAYS else [])])


def pattern_of(entries: Iterable[str]) -> re.Pattern[str]:
    """What matches a coarse word and its punctuation: each entry is a word, with a star for any ending."""
    words = "|".join(re.escape(entry).replace(r"\*", r"\w*") for entry in entries)
    return re.compile(rf"(?<!\w)({words})(?!\w)", re.IGNORECASE)


def covered(text: str, coarse: re.Pattern[str]) -> str:
    """The first letter of each coarse word stays, the others become stars."""
    return coarse.sub(lambda found: found[0][0] + "*" * (len(found[0]) - 1), text)


def languages() -> tuple[str, ...]:
    """The languages that have a list."""
    return tuple(_lists())


def _lists() -> dict[str, list[str]]:
    return tomllib.loads((files("clipmill") / "profanity.toml").read_text(encoding="utf-8"))
