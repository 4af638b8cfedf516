"""What was heard and seen in the clip's range, on the clip's own clock, where parts of that range are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.clock import Seen
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.speakers import Turn
from clipmill_render.domain.timeline import Timeline


def retimed_words(words: Sequence[SpokenWord], timeline: Timeline) -> list[SpokenWord]:
    """Words of which the middle is kept."""
    return [
        replace(word, start_s=timeline.clip_s(word.start_s), end_s=timeline.clip_s(word.end_s))
        for word in words
        if timeline.keeps((word.start_s + word.end_s) / 2)
    ]


def retimed_seen(seen: Seen, timeline: Timeline) -> Seen:
    """Shots, faces and what strikes. A join is a cut: the picture leaps there, and the window may too."""
    edges = sorted(
        {0.0, *timeline.joins_s, *(timeline.clip_s(s.start_s) for s in seen.shots if timeline.keeps(s.start_s))}
    )
    shots = [Shot(a, b) for a, b in zip(edges, [*edges[1:], timeline.duration_s], strict=True) if a < b]
    return replace(
        seen,
        shots=shots,
        tracks=[
            [replace(face, time_s=timeline.clip_s(face.time_s)) for face in track if timeline.keeps(face.time_s)]
            for track in seen.tracks
        ],
        interests=[
            replace(interest, span=span) for interest in seen.interests for span in _shown(interest.span, timeline)
        ],
        screens=[span for screen in seen.screens for span in _shown(screen, timeline)],
    )


def retimed_turns(turns: Sequence[Turn], timeline: Timeline) -> list[Turn]:
    return [
        replace(turn, start_s=span.start_s, end_s=span.end_s)
        for turn in turns
        for span in timeline.shown(turn.start_s, turn.end_s)
    ]


def _shown(shot: Shot, timeline: Timeline) -> list[Shot]:
    return [Shot(span.start_s, span.end_s) for span in timeline.shown(shot.start_s, shot.end_s)]
