"""What scoring keeps. Every function works inside the caller's transaction, for one owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import ColumnElement, Table, and_, delete, func, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.clips.v1.clips_pb2 import PassageSample
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_scoring.domain.outcomes import Outcome
from clipmill_scoring.domain.preferences import Preferences, aligned
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.domain.standing import Others
from clipmill_scoring.domain.timeline import Floats
from clipmill_scoring.tables import checks, clips, engagement, erased, jobs, preferences, served

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

# Clips with outcomes that a percentile is taken among, the newest.
MAX_KNOWN = 500
# Videos that a clip is compared with.
MAX_OTHERS = 20
# What all owners taught is kept under a name that no owner can have.
ALL_OWNERS = "*"


@dataclass(frozen=True)
class Served:
    """A clip that somebody may have seen; see tables.clips."""

    clip_id: str
    video_id: str
    duration_s: float
    names: tuple[str, ...]
    vector: Floats


@dataclass(frozen=True)
class Known:
    """Clips whose outcomes are known: vectors of a row each, how good it was on average, and the weight of that."""

    vectors: Floats
    good: Floats
    weight: Floats


@dataclass(frozen=True)
class ScoredJob:
    """A finished job, and where its candidates lie; `scored_at` in Unix seconds.

    `sample` are some of its passages, measured by `formula`.
    """

    job_id: str
    video_id: str
    scored_at: float
    candidates: BlobRef
    formula: str = ""
    sample: PassageSample = field(default_factory=PassageSample)


async def add_job(on: AsyncConnection, owner_id: str, job: ScoredJob) -> bool:
    """Keep a job; False when its video was erased after it was scored."""
    gone = select(erased.c.at_s).where(
        erased.c.owner_id == owner_id, erased.c.video_id == job.video_id, erased.c.at_s >= job.scored_at
    )
    if (await on.execute(gone)).first() is not None:
        return False
    row = {
        "owner_id": owner_id,
        "job_id": job.job_id,
        "video_id": job.video_id,
        "scored_at": job.scored_at,
        "candidates": job.candidates.SerializeToString(),
        "passages": job.sample.passages,
        "formula": job.formula,
        "sample": _packed(np.array(job.sample.shares)),
    }
    insert = inserting(on, jobs).values(row)
    changed = {name: insert.excluded[name] for name in row if name not in ("owner_id", "job_id")}
    await on.execute(insert.on_conflict_do_update(index_elements=("owner_id", "job_id"), set_=changed))
    return True


async def candidates_of(on: AsyncConnection, owner_id: str, job_id: str) -> BlobRef | None:
    query = select(jobs.c.candidates).where(jobs.c.owner_id == owner_id, jobs.c.job_id == job_id)
    found: bytes | None = (await on.execute(query)).scalar()
    return None if found is None else BlobRef.FromString(found)


async def others_of(on: AsyncConnection, owner_id: str, video_id: str, formula: str) -> Others | None:
    """Passages of the owner's newest other videos, of each as its last job found them; None where there are none."""
    newest = (
        select(jobs.c.video_id, func.max(jobs.c.scored_at).label("at"))
        .where(jobs.c.owner_id == owner_id, jobs.c.video_id != video_id)
        .where(jobs.c.formula == formula, jobs.c.passages > 0)
        .group_by(jobs.c.video_id)
        .order_by(func.max(jobs.c.scored_at).desc())
        .limit(MAX_OTHERS)
        .subquery()
    )
    same = and_(jobs.c.video_id == newest.c.video_id, jobs.c.scored_at == newest.c.at)
    query = select(jobs.c.passages, jobs.c.sample).join(newest, same).where(jobs.c.owner_id == owner_id)
    rows = (await on.execute(query)).all()
    if not rows:
        return None
    samples = [_unpacked(row.sample).reshape(-1, len(WEIGHTS)) for row in rows]
    weight = [np.full(len(each), row.passages / len(each)) for row, each in zip(rows, samples, strict=True)]
    return Others(np.concatenate(samples), np.concatenate(weight), len(rows))


async def add_clips(on: AsyncConnection, owner_id: str, served: Sequence[Served], at_s: float) -> None:
    """Keep clips; one that is there already stays as it is."""
    rows = [
        {
            "owner_id": owner_id,
            "clip_id": clip.clip_id,
            "video_id": clip.video_id,
            "duration_s": clip.duration_s,
            "served_at": at_s,
            "names": " ".join(clip.names),
            "vector": _packed(clip.vector),
            "weight": 0.0,
            "good": 0.0,
        }
        for clip in served
    ]
    if rows:
        await on.execute(inserting(on, clips).values(rows).on_conflict_do_nothing())


async def clip_of(on: AsyncConnection, owner_id: str, clip_id: str) -> Served | None:
    row = (await on.execute(select(clips).where(_clip(owner_id, clip_id)))).one_or_none()
    if row is None:
        return None
    return Served(row.clip_id, row.video_id, row.duration_s, tuple(row.names.split(" ")), _unpacked(row.vector))


async def unknown_of(on: AsyncConnection, owner_id: str, clip_ids: Sequence[str]) -> set[str]:
    """Those of the clips that are not kept."""
    query = select(clips.c.clip_id).where(clips.c.owner_id == owner_id, clips.c.clip_id.in_(clip_ids))
    return set(clip_ids) - set((await on.execute(query)).scalars())


async def videos_of(on: AsyncConnection, owner_id: str, clip_ids: Collection[str]) -> dict[str, str]:
    """The videos of those of the clips that are kept."""
    query = select(clips.c.clip_id, clips.c.video_id).where(clips.c.owner_id == owner_id, clips.c.clip_id.in_(clip_ids))
    return {row.clip_id: row.video_id for row in await on.execute(query)}


async def add_outcome(on: AsyncConnection, owner_id: str, clip_id: str, what: Outcome) -> None:
    values = {"weight": clips.c.weight + what.weight, "good": clips.c.good + what.weight * what.good}
    await on.execute(update(clips).where(_clip(owner_id, clip_id)).values(values))


async def known_of(on: AsyncConnection, owner_id: str, at_most: int = MAX_KNOWN) -> Known:
    """The newest clips with outcomes, over the features of today."""
    query = (
        select(clips.c.names, clips.c.vector, clips.c.good, clips.c.weight)
        .where(clips.c.owner_id == owner_id, clips.c.weight > 0)
        .order_by(clips.c.served_at.desc())
        .limit(at_most)
    )
    rows = (await on.execute(query)).all()
    measured = [aligned(row.names.split(), _unpacked(row.vector)) for row in rows]
    vectors = np.array(measured).reshape(len(rows), len(WEIGHTS) + 1)
    weight = np.array([row.weight for row in rows], dtype=np.float64)
    return Known(vectors, np.array([row.good for row in rows], dtype=np.float64) / np.maximum(weight, 1e-9), weight)


async def preferences_of(on: AsyncConnection, *owner_ids: str) -> dict[str, Preferences]:
    """What was learnt of these owners, ALL_OWNERS among them, as far as anything was."""
    rows = await on.execute(select(preferences).where(preferences.c.owner_id.in_(owner_ids)))
    return {row.owner_id: _preferences(row.names, row.weights, row.events, row.at_s) for row in rows}


async def put_preferences(on: AsyncConnection, owner_id: str, learned: Preferences) -> None:
    row = {
        "owner_id": owner_id,
        "names": " ".join(learned.names),
        "weights": _packed(np.concatenate((learned.mean, learned.covariance.ravel()))),
        "events": learned.events,
        "at_s": learned.at_s,
    }
    insert = inserting(on, preferences).values(row)
    changed = {name: insert.excluded[name] for name in row if name != "owner_id"}
    await on.execute(insert.on_conflict_do_update(index_elements=("owner_id",), set_=changed))


async def forget_preferences(on: AsyncConnection, owner_id: str) -> None:
    """What was learnt of an owner, and what became of his clips; all owners' stays, as nothing in it is his alone."""
    await on.execute(delete(preferences).where(preferences.c.owner_id == owner_id))
    await on.execute(update(clips).where(clips.c.owner_id == owner_id).values(weight=0.0, good=0.0))


async def is_first(on: AsyncConnection, owner_id: str, event_id: str, at_s: float) -> bool:
    """Note that an event has its effect; False when it has had it."""
    row = {"owner_id": owner_id, "event_id": event_id, "at_s": at_s}
    return (await on.execute(inserting(on, engagement).values(row).on_conflict_do_nothing())).rowcount == 1


async def erase_video(on: AsyncConnection, owner_id: str, video_id: str, at_s: float) -> None:
    """Forget what is of a video, and refuse what comes of it late. What it taught stays in the weights."""
    for table in (jobs, clips, served, checks):
        await on.execute(delete(table).where(table.c.owner_id == owner_id, table.c.video_id == video_id))
    insert = inserting(on, erased).values(owner_id=owner_id, video_id=video_id, at_s=at_s)
    await on.execute(
        insert.on_conflict_do_update(index_elements=("owner_id", "video_id"), set_={"at_s": insert.excluded.at_s})
    )


async def prune(on: AsyncConnection, before_s: float) -> None:
    """Forget events and erasures that nothing can come after any more."""
    for table in (engagement, erased):
        await on.execute(delete(table).where(table.c.at_s < before_s))


def _clip(owner_id: str, clip_id: str) -> ColumnElement[bool]:
    return and_(clips.c.owner_id == owner_id, clips.c.clip_id == clip_id)


def _preferences(names: str, weights: bytes, events: int, at_s: float) -> Preferences:
    split = tuple(names.split(" "))
    numbers, size = _unpacked(weights), len(split) + 1
    return Preferences(split, numbers[:size], numbers[size:].reshape(size, size), events, at_s)


def _packed(numbers: Floats) -> bytes:
    return np.asarray(numbers, dtype="<f8").tobytes()


def _unpacked(content: bytes) -> Floats:
    return np.frombuffer(content, dtype="<f8").astype(np.float64)


def inserting(on: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that may meet a row that is there."""
    if on.dialect.name == "sqlite":
        return sqlite.insert(table)
    # Only a cluster pays for its import.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
