"""Where there is silence or music: from levels, and from the probabilities of a model that is asked here and there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.loudness import STEP_S
from clipmill_audio.domain.timed import Span

# A quiet room is recorded at -60 to -50 dB, a talk at -25.
SILENT_BELOW_DB = -50.0
# The model listens to PROBE_S of each CELL_S, so music of CELL_S + PROBE_S is never missed for not having been looked
# at, at a quarter of the cost. In talks without music a probe's mean stays below .22, with music at the level of the
# speech it is above .8.
CELL_S = 4.0
PROBE_S = 1.0
PROBE_AT_LEAST = 0.4
MUSIC_AT_LEAST = 0.5
SMOOTHED_S = 1.0
# The hum of mains and fans is music to the model, but its level does not move: between words and without them by less
# than .1 dB, that of seven pieces of music by 1.1 dB and more. Of the quieter half, as words reach into what is left.
STEADY_DB = 0.5
QUIETER_PERCENT = (10, 50)
ENOUGH_REST_STEPS = 8


@dataclass(frozen=True)
class Music:
    """Where music is heard, and the mean of its probability there."""

    span: Span
    probability: float


def silences(levels_db: Sequence[float], start_s: float, speech: Iterable[Span]) -> list[Span]:
    """Where nobody speaks and the level stays low; `levels_db` are of steps of loudness.STEP_S from `start_s` on."""
    quiet = np.asarray(levels_db) < SILENT_BELOW_DB
    for span in speech:
        first, last = (span.start_s - start_s) / STEP_S, (span.end_s - start_s) / STEP_S
        quiet[max(0, int(first)) : max(0, int(np.ceil(last)))] = False
    return [Span(start_s + first * STEP_S, start_s + stop * STEP_S) for first, stop in _runs(quiet)]


def probes(length_s: float) -> list[Span]:
    """Where to listen in a stretch of sound: the middle of each cell."""
    cells = [Span(at, min(at + CELL_S, length_s)) for at in np.arange(0.0, length_s, CELL_S).tolist()]
    middles = [(cell.start_s + cell.end_s) / 2 for cell in cells if cell.length_s >= PROBE_S]
    return [Span(middle - PROBE_S / 2, middle + PROBE_S / 2) for middle in middles]


def worth_hearing(places: Sequence[Span], means: Sequence[float], length_s: float) -> list[Span]:
    """The stretches with music by the mean probability of each probe, with a cell on each side for its edges."""
    stretches: list[Span] = []
    for place, mean in zip(places, means, strict=True):
        if mean < PROBE_AT_LEAST:
            continue
        middle = (place.start_s + place.end_s) / 2
        around = Span(max(0.0, middle - 1.5 * CELL_S), min(length_s, middle + 1.5 * CELL_S))
        if stretches and around.start_s <= stretches[-1].end_s:
            stretches[-1] = Span(stretches[-1].start_s, around.end_s)
        else:
            stretches.append(around)
    return stretches


def music(probabilities: NDArray[np.float32], step_s: float) -> list[Music]:
    """Where a sound is music, in seconds from the first probability; each is of `step_s`."""
    width = max(1, round(SMOOTHED_S / step_s))
    weights = np.convolve(np.ones(len(probabilities)), np.ones(width), "same")
    smooth = np.convolve(probabilities, np.ones(width), "same") / weights
    return [
        Music(Span(first * step_s, stop * step_s), float(probabilities[first:stop].mean()))
        for first, stop in _runs(smooth >= MUSIC_AT_LEAST)
    ]


def is_steady(levels_db: Sequence[float], start_s: float, span: Span, speech: Iterable[Span]) -> bool:
    """True when the level of `span` does not move where nobody speaks; False where somebody always does."""
    levels = np.asarray(levels_db)
    at_s = start_s + (np.arange(len(levels)) + 0.5) * STEP_S
    rest = (at_s > span.start_s) & (at_s < span.end_s)
    for spoken in speech:
        rest &= (at_s < spoken.start_s - STEP_S / 2) | (at_s > spoken.end_s + STEP_S / 2)
    if rest.sum() < ENOUGH_REST_STEPS:
        return False
    low, high = np.percentile(levels[rest], QUIETER_PERCENT)
    return bool(high - low < STEADY_DB)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and stop of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]
