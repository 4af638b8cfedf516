"""A sample of the values that were served, kept to be checked; and what became of that. See store.py."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill.scoring.v1.scoring_pb2 import FeatureCheck, FeatureVector, KnownFeatures
from clipmill_scoring.store import inserting
from clipmill_scoring.tables import checks, served

# What is served faster than it is written is not sampled further; older rows make room for newer ones.
MAX_WAITING = 1000
MAX_ROWS = 20_000
MAX_CHECKS = 100


@dataclass(frozen=True)
class Sample:
    """The features of a clip as they were served, of one job."""

    owner_id: str
    video_id: str
    clip_id: str
    at_s: float
    vector: FeatureVector


class ServedLog:
    """Takes a share of what is served; it costs nobody a write before `taken` is called."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._waiting: deque[Sample] = deque(maxlen=MAX_WAITING)

    def note(self, sample: Sample) -> None:
        # A sample for statistics: nobody gains by foreseeing it.
        if random.random() < self._share:  # noqa: S311
            self._waiting.append(sample)

    def taken(self) -> list[Sample]:
        """What waited; it waits no more."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting


def sample_of(owner_id: str, job_id: str, video_id: str, clip: ScoredClip, at_s: float) -> Sample:
    """A ranked clip as it was served."""
    vector = FeatureVector(
        job_id=job_id,
        event_s=at_s,
        names=[feature.name for feature in clip.features],
        versions=[feature.version for feature in clip.features],
        values=[feature.value for feature in clip.features],
    )
    return Sample(owner_id, video_id, clip.head.clip_id, at_s, vector)


def samples_of(owner_id: str, video_id: str, clip: KnownFeatures, at_s: float) -> list[Sample]:
    """A clip's features from the store as they were served, for each job that they are of."""
    vectors: dict[str, FeatureVector] = {}
    for feature in clip.features:
        if feature.HasField("value"):
            vector = vectors.setdefault(feature.job_id, FeatureVector(job_id=feature.job_id, event_s=at_s))
            vector.names.append(feature.name)
            vector.versions.append(feature.version)
            vector.values.append(feature.value)
    return [Sample(owner_id, video_id, clip.clip_id, at_s, vector) for vector in vectors.values()]


async def add_served(on: AsyncConnection, samples: Sequence[Sample]) -> None:
    """Keep samples; of one clip of one job the first that is not checked yet."""
    rows = {
        (each.owner_id, each.vector.job_id, each.clip_id): {
            "owner_id": each.owner_id,
            "job_id": each.vector.job_id,
            "clip_id": each.clip_id,
            "video_id": each.video_id,
            "at_s": each.at_s,
            "vector": each.vector.SerializeToString(),
            "is_checked": False,
        }
        for each in samples
    }
    for row in rows.values():
        insert = inserting(on, served).values(row)
        changed = {name: insert.excluded[name] for name in ("at_s", "vector", "is_checked")}
        keys = ("owner_id", "job_id", "clip_id")
        await on.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed, where=served.c.is_checked))


async def claim_served(on: AsyncConnection, jobs: int) -> list[Sample]:
    """The samples of the jobs whose samples wait longest, at most so many jobs. Nobody else gets them."""
    oldest = (
        select(served.c.owner_id, served.c.job_id)
        .where(served.c.is_checked.is_(False))
        .group_by(served.c.owner_id, served.c.job_id)
        .order_by(func.min(served.c.at_s))
        .limit(jobs)
    )
    found: list[Sample] = []
    for owner_id, job_id in (await on.execute(oldest)).all():
        claimed = (
            update(served)
            .where(served.c.owner_id == owner_id, served.c.job_id == job_id, served.c.is_checked.is_(False))
            .values(is_checked=True)
            .returning(served)
        )
        found += [
            Sample(row.owner_id, row.video_id, row.clip_id, row.at_s, FeatureVector.FromString(row.vector))
            for row in await on.execute(claimed)
        ]
    return found


async def put_check(on: AsyncConnection, owner_id: str, video_id: str, check: FeatureCheck) -> None:
    """Keep what a check found, in the place of the job's last."""
    row = {
        "owner_id": owner_id,
        "job_id": check.job_id,
        "video_id": video_id,
        "at_s": check.at.ToNanoseconds() / 1e9,
        "found": check.SerializeToString(),
    }
    insert = inserting(on, checks).values(row)
    changed = {name: insert.excluded[name] for name in ("video_id", "at_s", "found")}
    await on.execute(insert.on_conflict_do_update(index_elements=("owner_id", "job_id"), set_=changed))


async def checks_of(on: AsyncConnection, owner_id: str) -> list[FeatureCheck]:
    """An owner's last checks, the newest first."""
    query = select(checks.c.found).where(checks.c.owner_id == owner_id).order_by(checks.c.at_s.desc()).limit(MAX_CHECKS)
    return [FeatureCheck.FromString(found) for found in (await on.execute(query)).scalars()]


async def prune_served(on: AsyncConnection, before_s: float) -> None:
    """Forget what is old, and all but the newest."""
    for table in (served, checks):
        await on.execute(delete(table).where(table.c.at_s < before_s))
    last = select(served.c.at_s).order_by(served.c.at_s.desc()).offset(MAX_ROWS).limit(1).scalar_subquery()
    await on.execute(delete(served).where(served.c.at_s <= last))
