"""Whether two recordings are of the same sound, and by how much one is ahead of the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clipmill_ingest.domain.fingerprint import BITS, STEP_S, Prints
from clipmill_ingest.domain.parts import Span

# Of other recordings' sketches one print agrees by chance, of re-encoded ones of a minute nine and more.
LEAST_VOTES = 4
# Of a passage's bits, in the mean and in all passages but a few. Of other recordings .60 agree at the best of all
# places, of the same one .84 and more: benchmarks/sameness.py.
LEAST_AGREEMENT = 0.7
PASSAGE_S = 10.0
LEAST_PASSAGES = 0.95
# Less of a common sound may be a jingle.
LEAST_S = 15.0
# A recording that runs faster has not the same offset at its beginning and at its end.
LOOK_ABOUT = 12
# A difference of the lengths so small is a codec's; what lies beyond the other's end is heard anew.
EDGE_S = 0.3


@dataclass(frozen=True)
class Likeness:
    """A moment of this recording is `offset_s` later than the same moment of the other one."""

    offset_s: float
    # Of the fingerprint's bits, over all that both have.
    agreement: float


@dataclass(frozen=True)
class SharedSpan:
    """A span of a recording, and the same of another, on that one's clock; None where the other has it not."""

    here: Span
    there: Span | None


def votes(here: Prints, there: Prints) -> tuple[int, int]:
    """How many prints of two sketches agree on an offset, in steps, and that offset."""
    _, mine, theirs = np.intersect1d(here[0], there[0], assume_unique=True, return_indices=True)
    if not len(mine):
        return 0, 0
    offsets = np.sort(here[1][mine].astype(np.int64) - there[1][theirs].astype(np.int64))
    near = np.searchsorted(offsets, offsets + 1, "right") - np.searchsorted(offsets, offsets - 1, "left")
    best = int(np.argmax(near))
    return int(near[best]), int(offsets[best])


def likeness(here: Prints, there: Prints, offset: int) -> Likeness | None:
    """What verifies an offset, in steps; None where the recordings differ, in places or in speed, or share little."""
    offset = _best_offset(here, there, offset)
    agreement = _agreement(here, there, offset)
    told = agreement[~np.isnan(agreement)]
    if len(told) * STEP_S < LEAST_S or float(told.mean()) < LEAST_AGREEMENT:
        return None
    passage = round(PASSAGE_S / STEP_S)
    passages = [part for at in range(0, len(told), passage) if len(part := told[at : at + passage]) * 2 >= passage]
    if np.mean([part.mean() >= LEAST_AGREEMENT for part in passages]) < LEAST_PASSAGES:
        return None
    third = len(agreement) // 3
    start = max(0, offset)
    for first in (start, start + 2 * third):
        piece = here[first : first + third]
        if abs(_best_offset(piece, there, offset - first) - (offset - first)) > 1:
            return None
    return Likeness(offset * STEP_S, float(told.mean()))


def shared_spans(parts: Sequence[Span], offset_s: float, duration_s: float) -> Iterator[SharedSpan]:
    """Spans that cover [0, duration): the other's parts, moved, and what lies before and after them."""
    moved = [Span(max(0.0, p.start_s + offset_s), min(duration_s, p.end_s + offset_s)) for p in parts]
    within = [
        SharedSpan(here, there) for here, there in zip(moved, parts, strict=True) if here.end_s - here.start_s > EDGE_S
    ]
    if not within:
        yield SharedSpan(Span(0.0, duration_s), None)
        return
    begins_s, ends_s = within[0].here.start_s, within[-1].here.end_s
    if begins_s > EDGE_S:
        yield SharedSpan(Span(0.0, begins_s), None)
    for number, each in enumerate(within):
        start_s = 0.0 if number == 0 and begins_s <= EDGE_S else each.here.start_s
        is_last = number == len(within) - 1
        end_s = duration_s if is_last and duration_s - ends_s <= EDGE_S else each.here.end_s
        yield SharedSpan(Span(start_s, end_s), each.there)
    if duration_s - ends_s > EDGE_S:
        yield SharedSpan(Span(ends_s, duration_s), None)


def _best_offset(here: Prints, there: Prints, offset: int) -> int:
    """The offset near the given one at which most bits agree."""

    def agreed(at: int) -> float:
        said = _agreement(here, there, at)
        return float(np.nanmean(said)) if np.any(~np.isnan(said)) else 0.0

    return max(range(offset - LOOK_ABOUT, offset + LOOK_ABOUT + 1), key=agreed)


def _agreement(here: Prints, there: Prints, offset: int) -> npt.NDArray[np.float64]:
    """Of each common step the share of bits that agree; NaN where one of both says nothing."""
    first, stop = max(0, offset), min(len(here), len(there) + offset)
    if stop <= first:
        return np.zeros(0)
    mine, theirs = here[first:stop], there[first - offset : stop - offset]
    agreed: npt.NDArray[np.float64] = 1 - np.bitwise_count(mine ^ theirs) / BITS
    agreed[(mine == 0) | (theirs == 0)] = np.nan
    return agreed
