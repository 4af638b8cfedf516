"""Scripts that put no space between words: how words are joined there, and where a line may break."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from unicodedata import east_asian_width

# Ideographs, kana, their punctuation and wide forms; Thai, Lao, Burmese and Khmer. Korean has spaces.
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x303F),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x20000, 0x323AF),
)
# Where a line may break between any two characters, but for those that begin or end none (kinsoku shori, as in the
# W3C's "Requirements for Japanese Text Layout", simplified).
_BREAKABLE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_NOT_FIRST = frozenset("、。，．・：；？！）］｝〉》」』】〕ーっゃゅょぁぃぅぇぉッャュョァィゥェォ々ゝゞ…,.!?;:)]}%")
_NOT_LAST = frozenset("（［｛〈《「『【〔([{")
# What an engine gives as one word is kept together up to this length.
LONGEST_UNIT = 4


def is_unspaced(text: str) -> bool:
    """True when the text's script puts no spaces between words, judged by its first letter."""
    first = next((character for character in text if character.isalnum()), text[:1])
    return bool(first) and any(low <= ord(first) <= high for low, high in _UNSPACED)


def joined(texts: Iterable[str]) -> str:
    """Words as one text: with spaces between, where both sides' scripts have them."""
    listed = list(texts)
    return "".join([*listed[:1], *(gap(before, after) + after for before, after in pairwise(listed))])


def gap(before: str, after: str) -> str:
    """What stands between two words."""
    return "" if _in(before[-1:]) and _in(after[:1]) else " "


# Captions ask for the same words' edges again and again.
@lru_cache(maxsize=4096)
def _in(character: str) -> bool:
    return bool(character) and any(low <= ord(character) <= high for low, high in _UNSPACED)


def units(text: str) -> list[str]:
    """`text` in pieces between which a line may break; whole where its script has spaces, or it is short."""
    if len(text) <= LONGEST_UNIT or not _BREAKABLE.search(text):
        return [text]
    return list(_units(text))


def _units(text: str) -> Iterator[str]:
    unit = text[0]
    for before, after in pairwise(text):
        breakable = _BREAKABLE.match(before) or _BREAKABLE.match(after) or before in _NOT_FIRST
        if breakable and after not in _NOT_FIRST and before not in _NOT_LAST:
            yield unit
            unit = ""
        unit += after
    yield unit


def columns(text: str) -> int:
    """How wide a text is in a terminal's columns: an ideograph takes two."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
