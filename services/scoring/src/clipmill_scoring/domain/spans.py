"""Stretches of time."""

from __future__ import annotations

from collections.abc import Iterable

# Half-open, in seconds on the video's clock, in order, apart from each other.
Spans = tuple[tuple[float, float], ...]


def merged(spans: Iterable[tuple[float, float]]) -> Spans:
    """Spans in any order; those that overlap or touch become one."""
    whole: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans):
        if whole and start_s <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end_s))
        else:
            whole.append((start_s, end_s))
    return tuple(whole)
