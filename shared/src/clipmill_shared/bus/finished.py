"""Which offsets of a partition are finished, where records end in another order than they came."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True)
class Finished:
    """All offsets before `next_offset`, and beyond it the spans (first, end), rising and apart.

    Between two spans lies a record that is not finished, so there are never more spans than a member has records in
    flight. Offsets without a record (compaction, transaction markers) belong to the record after them.
    """

    next_offset: int = 0
    beyond: tuple[Span, ...] = ()

    def __contains__(self, offset: int) -> bool:
        if offset < self.next_offset:
            return True
        at = bisect_right(self.beyond, (offset, float("inf"))) - 1
        return at >= 0 and offset < self.beyond[at][1]

    def with_span(self, first: int, end: int) -> Finished:
        """These, and the offsets from `first` up to before `end`."""
        first = max(first, self.next_offset)
        if end <= first:
            return self
        spans: list[Span] = []
        for span in self.beyond:
            if span[1] < first or span[0] > end:
                spans.append(span)
            else:
                first, end = min(first, span[0]), max(end, span[1])
        if first == self.next_offset:
            return Finished(end, tuple(spans))
        return Finished(self.next_offset, tuple(sorted([*spans, (first, end)])))

    def encoded_beyond(self) -> str:
        """`beyond` in few characters, counted from `next_offset`: "2-5 9-10"."""
        return " ".join(f"{first - self.next_offset}-{end - self.next_offset}" for first, end in self.beyond)

    @staticmethod
    def decoded(next_offset: int, beyond: str) -> Finished:
        """What `encoded_beyond` wrote."""
        pairs = (span.split("-") for span in beyond.split())
        return Finished(next_offset, tuple((next_offset + int(first), next_offset + int(end)) for first, end in pairs))
