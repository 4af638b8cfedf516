"""Where a member begins to read: what its group has kept, held against what the log has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

import structlog

from clipmill_shared.bus import metrics
from clipmill_shared.bus.contract import Claim, LogId, Offsets
from clipmill_shared.bus.finished import Finished
from clipmill_shared.events import Position

log = structlog.get_logger()


@dataclass(frozen=True)
class Bounds:
    """A partition's first offset, and the one that its next record gets."""

    beginning: int
    end: int


@dataclass(frozen=True)
class Start:
    """Under which claim a partition is read, and what of it needs no handling; it is read from there on."""

    epoch: int
    finished: Finished


async def claim(
    offsets: Offsets,
    source: LogId,
    partitions: Collection[int],
    bounds_of: Callable[[Collection[int]], Awaitable[Mapping[int, Bounds]]],
) -> dict[int, Start]:
    """Take partitions over. Offsets that the log does not have are discarded: reading begins at its beginning."""
    claims = await offsets.claim(source, partitions)
    # Asked after the claim: from then on nobody else moves what is kept, so it cannot overtake the bounds.
    bounds = await bounds_of(partitions)
    return {p: await _start(offsets, source, p, claims[p], bounds[p]) for p in partitions}


async def _start(offsets: Offsets, source: LogId, partition: int, claim: Claim, bounds: Bounds) -> Start:
    place = {"topic": source.topic, "partition": partition}
    kept, first = claim.finished, bounds.beginning
    if kept is not None and _end(kept) > bounds.end:
        metrics.OFFSETS_DISCARDED.add(1, {"topic": source.topic})
        log.warning("a log is shorter than was read of it: it is read anew", **place, kept=_end(kept), end=bounds.end)
    elif kept is not None and kept.next_offset < first:
        # Of those beyond it, what is finished is not lost.
        lost = first - kept.next_offset - sum(min(end, first) - min(at, first) for at, end in kept.beyond)
        metrics.LOST.add(lost, {"topic": source.topic})
        log.error("events are gone that were not read in time", **place, lost=lost)
    elif kept is not None or first == 0:
        return Start(claim.epoch, kept or Finished())
    await offsets.restart(Position(source.cluster_id, source.topic_id, partition, first, claim.epoch))
    return Start(claim.epoch, Finished(first))


def _end(finished: Finished) -> int:
    return finished.beyond[-1][1] if finished.beyond else finished.next_offset
