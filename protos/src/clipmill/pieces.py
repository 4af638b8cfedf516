"""Which ranges of its source a clip is made of."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill.clips.v1.clips_pb2 import ClipHead
from clipmill.common.v1.common_pb2 import TimeRange


def pieces_of(head: ClipHead) -> list[TimeRange]:
    """In order of time; one for most clips."""
    return list(head.pieces) or [head.range]


def length_s(head: ClipHead) -> float:
    """How long it lasts, before anything is cut out of it."""
    return sum(piece.end_s - piece.start_s for piece in pieces_of(head))


def shared(span: TimeRange, pieces: Sequence[TimeRange]) -> list[TimeRange]:
    """The parts of `span` that lie in the pieces."""
    cut = [TimeRange(start_s=max(span.start_s, p.start_s), end_s=min(span.end_s, p.end_s)) for p in pieces]
    return [part for part in cut if part.start_s < part.end_s]
