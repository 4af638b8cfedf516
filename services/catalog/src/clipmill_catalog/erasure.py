"""What was made of each video, and erasing it: wholly, also across a crash, but nothing that another video has too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import structlog
from sqlalchemy import Exists, and_, delete, func, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_catalog.store import upsert
from clipmill_catalog.tables import clips, diarizations, jobs, made, transcripts, videos
from clipmill_shared.blobs import Blobs
from clipmill_shared.results import Results
from clipmill_shared.sql import Database, serial

log = structlog.get_logger()
RETRY_S = 60.0
# Longer than topics keep records: no event of an erased job can come after it.
TOMBSTONE_S = 30 * 24 * 3600.0
BATCH = 500
_RECORD = "record:"


@dataclass(frozen=True)
class Erased:
    """What a video's deletion takes away."""

    clips: int
    size_bytes: int


@dataclass(frozen=True)
class JobKey:
    """Which job, and of which video."""

    owner_id: str
    job_id: str
    video_id: str


async def serial_for_video(on: AsyncConnection, owner_id: str, video_id: str) -> None:
    """Let no other event or deletion of this video come in between: halves of a clip find each other, and nothing is
    kept of what is being erased."""
    await serial(on, f"video {owner_id} {video_id}")


async def remember(on: AsyncConnection, of: JobKey, refs: Sequence[BlobRef], records: Sequence[str]) -> bool:
    """Note what a job has made of a video: references into the store, and keys of cached results.

    False when that job's video has been erased: what the job brings is doomed, and is not to be kept.
    """
    is_erased = await is_erased_job(on, of.owner_id, of.job_id)
    if not is_erased:
        await upsert(on, jobs, ("owner_id", "job_id"), asdict(of))
    named: dict[str, bytes | None] = {ref.uri: ref.SerializeToString() for ref in refs}
    named |= {_RECORD + key: None for key in records if key}
    for name, content in named.items():
        if is_erased and await _is_there(on, of, name):
            continue  # A later job of the same video has it, or it is doomed already.
        row = {"owner_id": of.owner_id, "video_id": of.video_id, "name": name, "blob": content, "is_doomed": is_erased}
        await upsert(on, made, ("owner_id", "video_id", "name"), row)
    return not is_erased


async def is_erased_job(on: AsyncConnection, owner_id: str, job_id: str) -> bool:
    """True when the video of this job has been erased since the job began."""
    here = and_(jobs.c.owner_id == owner_id, jobs.c.job_id == job_id)
    return (await on.execute(select(jobs.c.erased_at).where(here))).scalar() is not None


async def doom(on: AsyncConnection, owner_id: str, video_id: str, now: float) -> Erased:
    """Forget a video and its jobs and doom what was made of it; then sweep. `now` in Unix seconds."""
    of_video = and_(clips.c.owner_id == owner_id, clips.c.video_id == video_id)
    count = (await on.execute(select(func.count()).select_from(clips).where(of_video))).scalar_one()
    for table in (clips, diarizations, transcripts, videos):
        await on.execute(delete(table).where(table.c.owner_id == owner_id, table.c.video_id == video_id))
    ours = and_(jobs.c.owner_id == owner_id, jobs.c.video_id == video_id, jobs.c.erased_at.is_(None))
    await on.execute(update(jobs).where(ours).values(erased_at=now))
    theirs = and_(made.c.owner_id == owner_id, made.c.video_id == video_id)
    await on.execute(update(made).where(theirs).values(is_doomed=True))
    lost = select(made.c.blob).where(theirs, made.c.blob.is_not(None), not_(_is_needed()))
    blobs = (await on.execute(lost)).scalars()
    return Erased(count, sum(BlobRef.FromString(blob).size_bytes for blob in blobs))


class Erasure:
    """Erases what is doomed. Of `results`, where one is given, also what it has at hand."""

    def __init__(self, database: Database, blobs: Blobs, results: Results | None = None) -> None:
        self._database = database
        self._blobs = blobs
        self._results = results

    async def sweep(self) -> None:
        """Erase all that is doomed now, but not what another video of the owner still needs.

        What Redis may still have while it is away stays doomed.
        """
        left = 0
        while True:
            doomed = select(*made.c, _is_needed().label("is_needed")).where(made.c.is_doomed)
            query = doomed.order_by(*made.primary_key).offset(left).limit(BATCH)
            async with self._database.reading() as on:
                rows = (await on.execute(query)).all()
            if not rows:
                return
            gone = [row for row in rows if row.is_needed or await self._erase(row.owner_id, row.name, row.blob)]
            left += len(rows) - len(gone)
            async with self._database.transaction() as on:
                for row in gone:
                    here = and_(made.c.owner_id == row.owner_id, made.c.video_id == row.video_id)
                    await on.execute(delete(made).where(here, made.c.name == row.name, made.c.is_doomed))

    async def _erase(self, owner_id: str, name: str, blob: bytes | None) -> bool:
        """False when something of it may be left: then the next sweep has it again."""
        if blob is not None:
            await self._blobs.delete(BlobRef.FromString(blob))
            return True
        key = name.removeprefix(_RECORD)
        await self._blobs.delete_record(owner_id, key)
        return self._results is None or await self._results.forget(owner_id, key)

    async def drive(self) -> None:
        """Sweep again and again, until cancelled: for what a crash or a store that was away has left."""
        while True:
            try:
                await self.sweep()
                async with self._database.transaction() as on:
                    await on.execute(delete(jobs).where(jobs.c.erased_at < time.time() - TOMBSTONE_S))
            except Exception:
                log.exception("what is to be erased is still there; trying again")
            await asyncio.sleep(RETRY_S)


def _is_needed() -> Exists:
    """True for a row of `made` whose thing another video has, and keeps."""
    other = made.alias()
    same = and_(other.c.owner_id == made.c.owner_id, other.c.name == made.c.name)
    return select(other.c.name).where(same, not_(other.c.is_doomed)).correlate(made).exists()


async def _is_there(on: AsyncConnection, of: JobKey, name: str) -> bool:
    here = and_(made.c.owner_id == of.owner_id, made.c.video_id == of.video_id, made.c.name == name)
    return (await on.execute(select(made.c.name).where(here))).scalar() is not None
