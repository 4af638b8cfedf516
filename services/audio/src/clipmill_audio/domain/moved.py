"""Another recording's times on this one's clock, and by how much exactly the two are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.timed import Span

# Both sounds are compared in the middle of so many stretches of speech.
PROBES = 9
PROBE_S = 1.0
# As far from the offset that is known so far.
REACH_S = 0.15
# Of the same sound in other encodings the median of the probes is .98 and more; another voice over the same words never
# agrees on a lag (benchmarks/sameness.py).
LEAST_CORRELATION = 0.6
# So many of the probes must correlate, at places that differ by no more.
LEAST_AGREEING = 0.75
SAME_S = 0.01
LEAST_PROBES = 3


@dataclass(frozen=True)
class Found:
    """Where a probe lies in the other sound, in seconds from where it was expected, and how surely: -1 to 1."""

    lag_s: float
    correlation: float


def probes(speech: Sequence[Span], common: Span) -> list[Span]:
    """Where to compare: spread over the speech that lies in `common`, or over all of it where nobody speaks."""
    within = Span(common.start_s + REACH_S, common.end_s - REACH_S)
    spoken = [Span(max(s.start_s, within.start_s), min(s.end_s, within.end_s)) for s in speech]
    pieces = [
        Span(at, at + PROBE_S)
        for span in ([s for s in spoken if s.length_s >= PROBE_S] or [within])
        for at in np.arange(span.start_s, span.end_s - PROBE_S, PROBE_S).tolist()
    ]
    if not pieces:
        return []
    chosen = np.unique(np.linspace(0, len(pieces) - 1, PROBES).round().astype(int))
    return [pieces[number] for number in chosen]


def find(probe: NDArray[np.float64], about: NDArray[np.float64], rate_hz: int) -> Found:
    """Where `probe` is in `about`, which goes beyond it by REACH_S on both sides: normalised cross-correlation."""
    places = len(about) - len(probe) + 1
    if places < 1 or not probe.any():
        return Found(0.0, 0.0)
    size = len(about) + len(probe)
    together = np.fft.irfft(np.fft.rfft(about, size) * np.conj(np.fft.rfft(probe, size)), size)[:places]
    energy = np.concatenate(([0.0], np.cumsum(about**2)))
    norm = np.sqrt(np.maximum(energy[len(probe) :] - energy[:places], 1e-9) * float(np.sum(probe**2)))
    # A sound whose sign was turned is the same sound.
    best = int(np.argmax(np.abs(together) / norm))
    return Found(best / rate_hz - REACH_S, float(abs(together[best]) / norm[best]))


def agreed(found: Sequence[Found]) -> float | None:
    """The lag that the probes agree on; None where they do not, or are too few."""
    sure = [each.lag_s for each in found if each.correlation >= LEAST_CORRELATION]
    if not sure:
        return None
    lag_s = float(np.median(sure))
    agreeing = sum(abs(each - lag_s) <= SAME_S for each in sure)
    return lag_s if agreeing >= max(LEAST_PROBES, LEAST_AGREEING * len(found)) else None


def clipped(start_s: float, end_s: float, by_s: float, within: Span) -> Span | None:
    """A span moved and cut to `within`; None where nothing of it is left."""
    moved = Span(max(start_s + by_s, within.start_s), min(end_s + by_s, within.end_s))
    return moved if moved.length_s > 0 else None
