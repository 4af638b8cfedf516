"""Dissolves and fades: one picture that turns into another by mixing.

While A dissolves into B, the frame at share p of the way is (1 - p) A + p B, sample by sample. Camera motion, which
changes a picture as much, is not: its middle frame looks like neither. So for several lengths the frames a quarter,
half and three quarters of the way are compared with the mixtures. Mixtures that are not linear in time (wipes, eased
fades, morphs) are not found, nor any below 7 frames a second.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.thumbnail import Plane

# How often a frame is looked at, and how many samples a dissolve may span: .4, .8 and 1.6 s.
EVERY_S = 0.1
SPANS = (4, 8, 16)
# In 8-bit levels of luma: below, the two pictures are too alike to tell.
MIN_CHANGE = 12.0
# Correlation of the two pictures; above, it is one picture that changes its light.
MAX_CORRELATION = 0.4
# Mean distance from the mixture as a share of the distance of the two pictures; unrelated pictures have .5
# and more, a pan over a smooth gradient .15 and more, the dissolves of the test recordings .04 to .06.
MAX_RESIDUAL = 0.12
# Two transitions are not nearer to each other.
MIN_DISTANCE_S = 1.0


@dataclass(frozen=True)
class _Candidate:
    middle_s: float
    strength: float


class DissolveFinder:
    """Takes luma thumbnails in order of time, about one every EVERY_S."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, NDArray[np.int16]]] = deque(maxlen=SPANS[-1] + 1)
        self._candidates: list[_Candidate] = []

    def add(self, time_s: float, luma: Plane) -> None:
        # Every other sample is enough, and a quarter of the work.
        small = luma[::2, ::2].astype(np.int16)
        if self._samples and self._samples[-1][1].shape != small.shape:
            self._samples.clear()
        self._samples.append((time_s, small))
        for span in SPANS:
            if len(self._samples) > span:
                strength = self._strength(span)
                if strength > 0:
                    self._candidates.append(_Candidate(self._samples[-1 - span // 2][0], strength))

    def finish(self, cuts: list[float]) -> list[float]:
        """The middles of all dissolves that are not near a cut, in order."""
        found: list[float] = []
        for candidate in sorted(self._candidates, key=lambda c: -c.strength):
            taken = (abs(candidate.middle_s - other) < MIN_DISTANCE_S for other in (*cuts, *found))
            if not any(taken):
                found.append(candidate.middle_s)
        return sorted(found)

    def _strength(self, span: int) -> float:
        """How well the last `span` samples are a dissolve; 0 when they are none."""
        steps = [self._samples[-1 - span * quarter // 4] for quarter in (4, 3, 2, 1, 0)]
        if steps[-1][0] - steps[0][0] > 1.5 * span * EVERY_S:
            # Frames are missing between.
            return 0.0
        first, *between, last = (luma for _, luma in steps)
        distance = float(np.abs(last - first).mean())
        if distance < MIN_CHANGE:
            return 0.0
        residual = max(
            float(np.abs(4 * luma - (4 - quarter) * first - quarter * last).mean()) / (4 * distance)
            for quarter, luma in enumerate(between, start=1)
        )
        if residual > MAX_RESIDUAL or _correlation(first, last) > MAX_CORRELATION:
            return 0.0
        return distance * (0.5 - residual)


def _correlation(a: NDArray[np.int16], b: NDArray[np.int16]) -> float:
    """Pearson's correlation; 0 when one of the pictures is flat."""
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 0 else 0.0
