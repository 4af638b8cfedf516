"""Coarse words are covered: the first letter stays, the others become stars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clipmill.profanity import covered
from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.faces import Shot

# Word times are right to about a tenth of a second.
MUTED_AROUND_S = 0.06


@dataclass(frozen=True)
class Masked:
    """All words, some covered, and where those are said."""

    words: list[SpokenWord]
    spans: list[Shot]


def masked(words: Sequence[SpokenWord], coarse: re.Pattern[str]) -> Masked:
    """`words` with the coarse ones covered."""
    shown, spans = [], []
    for word in words:
        text = covered(word.text, coarse)
        if text != word.text:
            spans.append(Shot(max(0.0, word.start_s - MUTED_AROUND_S), word.end_s + MUTED_AROUND_S))
        shown.append(replace(word, text=text))
    return Masked(shown, spans)
