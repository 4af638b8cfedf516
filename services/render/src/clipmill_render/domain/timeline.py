"""Source time and clip time: which ranges of the source a clip is made of. Everything that a clip shows, says and
exports is mapped here and nowhere else.

Source time counts from the beginning of the clip's whole range; the ranges between which something is left out follow
each other in the clip without a gap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import floor

# A shorter leap is not worth a join, and could fall between two frames.
SHORTEST_GAP_S = 0.12
# No word is shorter: what is left between two gaps and is shorter than this is nothing.
SHORTEST_PIECE_S = 0.04
# Of a frame: more than sums of times are wrong by.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Span:
    """From `start_s` up to `end_s`."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Timeline:
    """`pieces` of the source in order, apart by SHORTEST_GAP_S at least; never none."""

    pieces: tuple[Span, ...]

    @property
    def is_whole(self) -> bool:
        return len(self.pieces) == 1 and self.pieces[0].start_s == 0.0

    @property
    def starts_s(self) -> tuple[float, ...]:
        """When each piece begins in the clip, and last when the clip ends."""
        return (0.0, *accumulate(piece.length_s for piece in self.pieces))

    @property
    def duration_s(self) -> float:
        return self.starts_s[-1]

    @property
    def joins_s(self) -> tuple[float, ...]:
        """Where two pieces meet in the clip."""
        return self.starts_s[1:-1]

    def clip_s(self, source_s: float) -> float:
        """Ascending; a moment that is left out is the join's."""
        number = max(0, bisect_right([piece.start_s for piece in self.pieces], source_s) - 1)
        piece = self.pieces[number]
        return self.starts_s[number] + min(max(source_s - piece.start_s, 0.0), piece.length_s)

    def source_s(self, clip_s: float) -> float:
        """The inverse, strictly ascending; a join is where the later piece begins."""
        number = min(max(0, bisect_right(self.starts_s, clip_s) - 1), len(self.pieces) - 1)
        return self.pieces[number].start_s + clip_s - self.starts_s[number]

    def keeps(self, source_s: float) -> bool:
        return any(piece.start_s <= source_s < piece.end_s for piece in self.pieces)

    def shown(self, start_s: float, end_s: float) -> list[Span]:
        """What is left of a stretch of the source, in clip time."""
        inside = ((max(start_s, piece.start_s), min(end_s, piece.end_s), piece.start_s, begins_s)
                  for piece, begins_s in zip(self.pieces, self.starts_s, strict=False))  # fmt: skip
        return [Span(begins + a - at, begins + b - at) for a, b, at, begins in inside if a < b]

    def frames(self, fps: float, count: int) -> list[tuple[int, int]]:
        """The first and the last frame of each piece, of a source at `fps`; together `count`."""
        # Halves go up, all of them: `round` sends them to the even number, and two frames to the same.
        numbers = [floor(self.source_s(frame / fps) * fps + 0.5 + ROUNDING) for frame in range(count)]
        edges = [0, *(n + 1 for n, (a, b) in enumerate(pairwise(numbers)) if b != a + 1), count]
        return [(numbers[first], numbers[end - 1]) for first, end in pairwise(edges)]


def timeline_of(length_s: float, pieces: Sequence[Span], removed: Iterable[Span]) -> Timeline:
    """Of a range `length_s` long its `pieces` (all of it when empty) without what is `removed`.

    Slivers are dropped with what lies beside them, gaps too short to be seen are closed.
    """
    spans = list(pieces) or [Span(0.0, length_s)]
    for gap in sorted(removed, key=lambda span: span.start_s):
        spans = [
            part
            for span in spans
            for part in (
                [Span(span.start_s, min(span.end_s, gap.start_s)), Span(max(span.start_s, gap.end_s), span.end_s)]
                if gap.start_s < span.end_s and gap.end_s > span.start_s
                else [span]
            )
            if part.length_s > 0
        ]
    joined: list[Span] = []
    for span in spans:
        if joined and span.start_s - joined[-1].end_s < SHORTEST_GAP_S:
            joined[-1] = Span(joined[-1].start_s, max(span.end_s, joined[-1].end_s))
        else:
            joined.append(span)
    kept = [span for span in joined if span.length_s >= SHORTEST_PIECE_S]
    return Timeline(tuple(kept or [Span(0.0, length_s)]))
