"""Where something is written: from what the text detector says of each pixel to areas, and whether to ask it at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.thumbnail import Plane

# The longer side, in samples, of the luma that `may_be_written` is asked of.
LUMA_SIDE = 320
# Letters are many steps of light side by side: so large ones, in 8-bit levels, in so much of a window of so many rows
# and columns. Of pictures with rendered lines nearly all have that, of photographs one in 76: see the README.
STEP, WINDOW_ROWS, WINDOW_COLUMNS, LEAST_STEPS = 48, 6, 40, 0.36
# As PP-OCR has them: a pixel is of text, a line is one, and what is found is the lines' core.
PIXEL, LINE, UNCLIP = 0.3, 0.6, 1.5
# Lower cores, in pixels, are specks.
LEAST_SIDE = 3
# Medals, badges and buttons look like letters; what is less wide for its height is none of a line.
LEAST_WIDE = 2.0
# So fine are shares of the picture counted, each way.
SHARES = 500


@dataclass(frozen=True)
class TextArea:
    """About a line of text: fractions of the picture as shown, and the detector's confidence."""

    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float


@dataclass(frozen=True)
class Text:
    """What is written in a picture, from top to bottom."""

    areas: tuple[TextArea, ...] = ()

    @property
    def share(self) -> float:
        """Of the picture, what the areas cover together."""
        covered = np.zeros((SHARES, SHARES), bool)
        for area in self.areas:
            x0, y0, x1, y1 = (round(side * SHARES) for side in (area.x0, area.y0, area.x1, area.y1))
            covered[y0:y1, x0:x1] = True
        return float(covered.mean())


def may_be_written(luma: Plane) -> bool:
    """Whether the picture is worth asking about; `luma` upright, its longer side about LUMA_SIDE."""
    steps = np.abs(np.diff(luma.astype(np.int16), axis=1)) > STEP
    if steps.shape[0] < WINDOW_ROWS or steps.shape[1] < WINDOW_COLUMNS:
        return False
    sums = np.zeros((steps.shape[0] + 1, steps.shape[1] + 1), np.int32)
    np.cumsum(np.cumsum(steps, axis=0), axis=1, out=sums[1:, 1:])
    rows = sums[WINDOW_ROWS:] - sums[:-WINDOW_ROWS]
    windows = rows[:, WINDOW_COLUMNS:] - rows[:, :-WINDOW_COLUMNS]
    return bool(windows.max() >= LEAST_STEPS * WINDOW_ROWS * WINDOW_COLUMNS)


def areas_of(text: NDArray[np.float32]) -> Text:
    """The lines in `text`, height x width: how likely each pixel lies within one."""
    height, width = text.shape
    found = []
    for runs in connected(text > PIXEL):
        y0, y1 = runs[0][0], runs[-1][0] + 1
        x0, x1 = min(run[1] for run in runs), max(run[2] for run in runs)
        confidence = float(np.concatenate([text[y, begin:end] for y, begin, end in runs]).mean())
        if min(x1 - x0, y1 - y0) < LEAST_SIDE or confidence < LINE:
            continue
        # Differentiable binarization's offset, for a box.
        more = UNCLIP * (x1 - x0) * (y1 - y0) / (2 * (x1 - x0 + y1 - y0))
        if x1 - x0 + 2 * more >= LEAST_WIDE * (y1 - y0 + 2 * more):
            left, top = max((x0 - more) / width, 0.0), max((y0 - more) / height, 0.0)
            right, bottom = min((x1 + more) / width, 1.0), min((y1 + more) / height, 1.0)
            found.append(TextArea(left, top, right, bottom, confidence))
    return Text(tuple(sorted(found, key=lambda area: (area.y0, area.x0))))


Run = tuple[int, int, int]


def connected(mask: NDArray[np.bool_]) -> Iterator[list[Run]]:
    """Each connected area as its runs: row, first column, column after the last; rows ascend.

    scipy's `label` would do; its import takes half a second, this a millisecond.
    """
    rows, edges = np.nonzero(np.diff(mask, axis=1, prepend=False, append=False))
    runs: list[Run] = list(zip(rows[::2].tolist(), edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    first = np.searchsorted(rows[::2], np.arange(mask.shape[0] + 1)).tolist()
    within = list(range(len(runs)))

    def top(run: int) -> int:
        while within[run] != run:
            run = within[run]
        return run

    for number, (row, begin, end) in enumerate(runs):
        for above in range(first[row - 1], first[row]) if row else ():
            if runs[above][1] < end and begin < runs[above][2]:
                within[top(number)] = top(above)
    areas: dict[int, list[Run]] = {}
    for number, run in enumerate(runs):
        areas.setdefault(top(number), []).append(run)
    yield from areas.values()
