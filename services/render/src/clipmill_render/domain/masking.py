"""Coarse words are covered: the first letter stays, the others become stars."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.faces import Shot

# Word times are right to about a tenth of a second.
MUTED_AROUND_S = 0.06


@dataclass(frozen=True)
class Masked:
    """All words, some covered, and where those are said."""

    words: list[SpokenWord]
    spans: list[Shot]


def pattern_of(entries: Iterable[str]) -> re.Pattern[str]:
    """What matches a coarse word and its punctuation: each entry is a word, with a star for any ending."""
    words = "|".join(re.escape(entry).replace(r"\*", r"\w*") for entry in entries)
    return re.compile(rf"(?<!\w)({words})(?!\w)", re.IGNORECASE)


def masked(words: Sequence[SpokenWord], coarse: re.Pattern[str]) -> Masked:
    """`words` with the coarse ones covered."""
    covered, spans = [], []
    for word in words:
        text = coarse.sub(lambda found: found[0][0] + "*" * (len(found[0]) - 1), word.text)
        if text != word.text:
            spans.append(Shot(max(0.0, word.start_s - MUTED_AROUND_S), word.end_s + MUTED_AROUND_S))
        covered.append(replace(word, text=text))
    return Masked(covered, spans)
