"""Fillers and long pauses, which are cut on request: always between words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.timeline import SHORTEST_GAP_S, Span

# Word times are right to about a tenth of a second: so much stays beside each word.
AROUND_WORD_S = 0.06
# What stays of a pause: without it, speech sounds hurried.
LEFT_OF_PAUSE_S = 0.3


@dataclass(frozen=True)
class Removed:
    """A stretch of the source that is left out, and what it was: "um", or "pause"."""

    span: Span
    what: str


def is_filler(word: SpokenWord, fillers: Collection[str]) -> bool:
    return re.sub(r"\W", "", word.text).casefold() in fillers


def fillers_in(words: Sequence[SpokenWord], fillers: Collection[str], length_s: float) -> Iterator[Removed]:
    """Where a filler is said: with the silence about it, up to the words beside. Neighbours are one."""
    lexical = [n for n, word in enumerate(words) if not is_filler(word, fillers)]
    edges = [-1, *lexical, len(words)]
    for before, after in pairwise(edges):
        said = words[before + 1 : after]
        if not said:
            continue
        start_s = words[before].end_s + AROUND_WORD_S if before >= 0 else 0.0
        end_s = words[after].start_s - AROUND_WORD_S if after < len(words) else length_s
        if end_s - start_s >= SHORTEST_GAP_S:
            yield Removed(Span(start_s, end_s), " ".join(word.text for word in said))


def pauses_in(words: Sequence[SpokenWord], speech: Sequence[Shot], longest_s: float) -> Iterator[Removed]:
    """What is over of pauses longer than `longest_s`. A voice without words is somebody who laughs: it stays."""
    for before, after in pairwise(words):
        if after.start_s - before.end_s <= longest_s:
            continue
        edges_s = [before.end_s + LEFT_OF_PAUSE_S / 2]
        for span in speech:
            if span.start_s < after.start_s and span.end_s > before.end_s:
                edges_s += [max(span.start_s, edges_s[-1]), max(span.end_s, edges_s[-1])]
        edges_s.append(max(edges_s[-1], after.start_s - LEFT_OF_PAUSE_S / 2))
        silent = [Span(a, b) for a, b in zip(edges_s[::2], edges_s[1::2], strict=True)]
        yield from (Removed(span, "pause") for span in silent if span.length_s >= SHORTEST_GAP_S)
