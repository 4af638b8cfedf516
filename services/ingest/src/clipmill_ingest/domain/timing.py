"""What a stream's timestamps say of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Containers round timestamps, to 1 ms in Matroska: what is nearer than this to the usual distance is no change.
ROUNDING_S = 0.002
TOLERANCE = 0.1
VARIABLE_SHARE = 0.01


@dataclass(frozen=True)
class Timing:
    """Times in seconds of the container. `goes_back` is true when decoding times are not increasing."""

    start_s: float
    end_s: float
    fps: float
    is_variable: bool
    goes_back: bool
    keyframes_s: tuple[float, ...]


def timing_of(
    pts: npt.NDArray[np.int64],
    dts: npt.NDArray[np.int64],
    is_key: npt.NDArray[np.bool_],
    last_duration: int,
    time_base: float,
) -> Timing | None:
    """The timing of a stream of which these packets are shown; None when there are none.

    `last_duration` is the duration that the container gives the last packet, or 0.
    """
    if not len(pts):
        return None
    shown = np.sort(pts)
    steps = np.diff(shown)
    usual = float(np.median(steps)) if len(steps) else float(last_duration)
    last = last_duration if last_duration > 0 else usual
    span_s = float(shown[-1] - shown[0]) * time_base
    odd = np.abs(steps - usual) * time_base > ROUNDING_S + TOLERANCE * usual * time_base
    return Timing(
        start_s=float(shown[0]) * time_base,
        end_s=(float(shown[-1]) + last) * time_base,
        fps=len(steps) / span_s if span_s > 0 else (1 / (last * time_base) if last > 0 else 0.0),
        is_variable=bool(len(steps)) and float(np.mean(odd)) > VARIABLE_SHARE,
        goes_back=bool(np.any(np.diff(dts) <= 0)),
        keyframes_s=tuple((np.sort(pts[is_key]) * time_base).tolist()),
    )
