"""Where the window stands while no face is seen: at what strikes the eye, if that is clearly not in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clipmill_render.domain.faces import Shot

# What a window elsewhere must hold more than the middle one, of all that strikes, to be worth leaving the middle.
LEAST_GAIN = 0.1


@dataclass(frozen=True)
class Interest:
    """A stretch of the clip, and the shares of what strikes in it, in columns and rows of the picture; sums are 1."""

    span: Shot
    across: Sequence[float]
    down: Sequence[float]


def striking_middle(interests: Sequence[Interest], shot: Shot, window: float, *, horizontal: bool) -> float:
    """The middle of the window of size `window` that holds most of what strikes in `shot`; .5 where none is clear."""
    total: np.ndarray[tuple[int], np.dtype[np.float64]] | float = 0.0
    for each in interests:
        common_s = min(each.span.end_s, shot.end_s) - max(each.span.start_s, shot.start_s)
        shares = each.across if horizontal else each.down
        if common_s > 0 and shares:
            total = total + common_s * np.array(shares)
    if isinstance(total, float):
        return 0.5
    held = np.concatenate([[0.0], np.cumsum(total / total.sum())])
    grid = np.linspace(0, 1, len(held))
    # An odd count, so that the middle is one of them.
    lefts = np.linspace(0, 1 - window, 201)
    inside = np.interp(lefts + window, grid, held) - np.interp(lefts, grid, held)
    # Of windows that hold as much, the one nearest to the middle.
    best = min(np.flatnonzero(inside >= inside.max() - 1e-6), key=lambda at: abs(int(at) - 100))
    return float(lefts[best] + window / 2) if inside[best] - inside[100] >= LEAST_GAIN else 0.5
