"""Decides what of the clip's range is kept."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from clipmill.clips.v1.clips_pb2 import LeftOut
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.clock import words_in
from clipmill_render.domain.cutting import Removed, fillers_in, is_filler, pauses_in
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.labels import with_speakers
from clipmill_render.domain.note import Note
from clipmill_render.domain.notes import fewer_cuts
from clipmill_render.domain.retimed import retimed_words
from clipmill_render.domain.timeline import Span, Timeline, timeline_of
from clipmill_render.exchange import Request


@dataclass(frozen=True)
class Kept:
    """Which parts of the range the clip is made of, its words on its own clock, and what was left out for what."""

    timeline: Timeline
    words: list[SpokenWord]
    left_out: tuple[LeftOut, ...]
    notes: tuple[Note, ...]


def kept_of(request: Request) -> Kept:
    clip, finish = request.task.clip, request.task.finish
    start_s, length_s = clip.range.start_s, clip.range.end_s - clip.range.start_s
    words = with_speakers(words_in(clip.range, request.audio), clip.range, request.diarization)
    removed: list[Removed] = []
    # What is cut last is what a clip that would be too short gets back first.
    fillers = fillers_of(part.language for part in request.audio) if finish.cut_fillers else frozenset()
    if fillers:
        removed += fillers_in(words, fillers, length_s)
    if finish.cut_pauses_s:
        speech = [Shot(span.start_s - start_s, span.end_s - start_s) for part in request.audio for span in part.speech]
        lexical = [word for word in words if not is_filler(word, fillers)]
        removed += pauses_in(lexical, speech, finish.cut_pauses_s)
    pieces = [Span(piece.start_s - start_s, piece.end_s - start_s) for piece in clip.pieces]
    removed = [gap for gap in removed if _touches(gap.span, pieces)]
    timeline = timeline_of(length_s, pieces, (gap.span for gap in removed))
    spared: list[Removed] = []
    while removed and timeline.duration_s < request.task.min_s:
        spared.append(removed.pop())
        timeline = timeline_of(length_s, pieces, (gap.span for gap in removed))
    words = [word for word in words if not is_filler(word, fillers) or _lies_in(word, spared)]
    left_out = tuple(
        LeftOut(range=TimeRange(start_s=start_s + gap.span.start_s, end_s=start_s + gap.span.end_s), what=gap.what)
        for gap in sorted(removed, key=lambda gap: gap.span.start_s)
        # Some are too short to be cut.
        if not timeline.keeps((gap.span.start_s + gap.span.end_s) / 2)
    )
    told = (fewer_cuts(len(spared), request.task.min_s),) if spared else ()
    return Kept(timeline, retimed_words(words, timeline), left_out, told)


def _lies_in(word: SpokenWord, gaps: Sequence[Removed]) -> bool:
    return any(gap.span.start_s <= word.start_s and word.end_s <= gap.span.end_s for gap in gaps)


def _touches(gap: Span, pieces: Sequence[Span]) -> bool:
    """False where it lies in what the clip leaves out anyway."""
    return not pieces or any(gap.start_s < piece.end_s and gap.end_s > piece.start_s for piece in pieces)


@lru_cache(maxsize=1)
def _lists() -> dict[str, list[str]]:
    return tomllib.loads((files("clipmill_render") / "fillers.toml").read_text(encoding="utf-8"))


def fillers_of(languages: Iterable[str]) -> frozenset[str]:
    """The fillers of the first language that is known, and those of English where they are no words there."""
    language = next((name for name in languages if name), "en")
    lists = _lists()
    own = lists.get(language, [])
    return frozenset(own if language == "de" else [*own, *lists["en"]])
