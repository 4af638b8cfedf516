"""A crop path in ffmpeg's expression language, so that one command crops each frame where it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Piece:
    """From frame `first` on, the value is `value` + `slope` * (frame - first)."""

    first: int
    value: float
    slope: float


def pieces_of(values: NDArray[np.float64], tolerance: float) -> list[Piece]:
    """The fewest straight pieces that a greedy walk finds within `tolerance` of every value.

    Each piece starts at its own first value; its slope is kept in the cone that all of its values allow.
    """
    pieces: list[Piece] = []
    first = 0
    while first < len(values):
        steepest, flattest = np.inf, -np.inf
        end = first + 1
        while end < len(values):
            run = end - first
            high = min(steepest, (values[end] + tolerance - values[first]) / run)
            low = max(flattest, (values[end] - tolerance - values[first]) / run)
            if low > high:
                break
            steepest, flattest = high, low
            end += 1
        slope = 0.0 if end == first + 1 or flattest <= 0 <= steepest else float((steepest + flattest) / 2)
        pieces.append(Piece(first, float(values[first]), slope))
        first = end
    return pieces


def expression_of(pieces: Sequence[Piece], fps: float) -> str:
    """An expression of `t` (seconds). A tree of ifs: a frame costs the logarithm of the number of pieces.

    Borders lie half a frame early, so that rounding of a frame's time never puts it on the wrong side of a cut.
    """
    if len(pieces) == 1:
        piece = pieces[0]
        if piece.slope == 0:
            return f"{piece.value:.3f}"
        return f"({piece.value:.3f}+{piece.slope * fps:.6f}*(t-{piece.first / fps:.6f}))"
    half = len(pieces) // 2
    border = (pieces[half].first - 0.5) / fps
    return f"if(lt(t,{border:.6f}),{expression_of(pieces[:half], fps)},{expression_of(pieces[half:], fps)})"
