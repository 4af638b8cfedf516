"""What the catalog keeps. Every function works inside the caller's transaction, for one owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Row, Table, and_, or_, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.catalog.v1.catalog_pb2 import Clip, Rendering, Video
from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_catalog.domain.transcript import HeardPart
from clipmill_catalog.tables import clips, diarizations, transcripts, videos

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

_CLIP_KEY = ("owner_id", "job_id", "clip_id")


@dataclass(frozen=True)
class Place:
    """Where a page of clips ended."""

    scored_at: float
    job_id: str
    rank: int


@dataclass(frozen=True)
class ClipKey:
    """Which clip of which job, and of which video."""

    owner_id: str
    job_id: str
    clip_id: str
    video_id: str


@dataclass(frozen=True)
class ClipsOf:
    """Clips of an owner; of one job or one video where it is named."""

    owner_id: str
    job_id: str = ""
    video_id: str = ""


@dataclass(frozen=True)
class KeptVideo:
    """A video, how many seconds of it are to be heard, and when it was read (Unix seconds)."""

    video: Video
    audio_s: float
    ingested_at: float


@dataclass(frozen=True)
class ToldSpeakers:
    """Who speaks when in a video, as a job told it at `told_at` (Unix seconds)."""

    job_id: str
    video_id: str
    told_at: float
    diarization: BlobRef


async def add_video(on: AsyncConnection, kept: KeptVideo) -> bool:
    """Keep a video as it was read last; True when it is new."""
    video = kept.video
    is_new = await find_video(on, video.owner_id, video.video_id) is None
    row = {
        "owner_id": video.owner_id,
        "video_id": video.video_id,
        "ingested_at": kept.ingested_at,
        "audio_s": kept.audio_s,
        "video": video.SerializeToString(),
    }
    await upsert(on, videos, ("owner_id", "video_id"), row, newest_by="ingested_at")
    return is_new


async def find_video(on: AsyncConnection, owner_id: str, video_id: str) -> KeptVideo | None:
    query = select(videos).where(videos.c.owner_id == owner_id, videos.c.video_id == video_id)
    row = (await on.execute(query)).one_or_none()
    return None if row is None else KeptVideo(Video.FromString(row.video), row.audio_s, row.ingested_at)


async def add_part(on: AsyncConnection, owner_id: str, video_id: str, part: HeardPart) -> None:
    row = {
        "owner_id": owner_id,
        "job_id": part.job_id,
        "start_s": part.start_s,
        "video_id": video_id,
        "end_s": part.end_s,
        "heard_at": part.heard_at,
        "analysis": part.analysis.SerializeToString(),
    }
    await upsert(on, transcripts, ("owner_id", "job_id", "start_s"), row, newest_by="heard_at")


async def parts_of(on: AsyncConnection, owner_id: str, video_id: str) -> list[HeardPart]:
    of_video = and_(transcripts.c.owner_id == owner_id, transcripts.c.video_id == video_id)
    rows = await on.execute(select(transcripts).where(of_video))
    return [
        HeardPart(row.job_id, row.start_s, row.end_s, row.heard_at, BlobRef.FromString(row.analysis)) for row in rows
    ]


async def add_diarization(on: AsyncConnection, owner_id: str, told: ToldSpeakers) -> None:
    row = {
        "owner_id": owner_id,
        "job_id": told.job_id,
        "video_id": told.video_id,
        "told_at": told.told_at,
        "diarization": told.diarization.SerializeToString(),
    }
    await upsert(on, diarizations, ("owner_id", "job_id"), row, newest_by="told_at")


async def find_diarization(on: AsyncConnection, owner_id: str, video_id: str) -> BlobRef | None:
    """Who speaks when, as it was told last; None where nobody asked."""
    of_video = and_(diarizations.c.owner_id == owner_id, diarizations.c.video_id == video_id)
    query = select(diarizations.c.diarization).where(of_video).order_by(diarizations.c.told_at.desc()).limit(1)
    content = (await on.execute(query)).scalar()
    return None if content is None else BlobRef.FromString(content)


async def add_scored(on: AsyncConnection, key: ClipKey, clip: ScoredClip, scored_at: float) -> bool:
    """Keep why a clip was chosen; True when it was rendered before and so is whole now."""
    before = await _halves_of(on, key)
    row = {**asdict(key), "rank": clip.head.rank, "scored_at": scored_at, "scored": clip.SerializeToString()}
    await upsert(on, clips, _CLIP_KEY, row, newest_by="scored_at")
    return before.is_rendered and not before.is_scored


async def add_rendering(on: AsyncConnection, key: ClipKey, rendering: Rendering, rendered_at: float) -> bool:
    """Keep how a clip was rendered; True when it was scored before and so is whole now."""
    before = await _halves_of(on, key)
    row = {**asdict(key), "rendered_at": rendered_at, "rendering": rendering.SerializeToString()}
    await upsert(on, clips, _CLIP_KEY, row, newest_by="rendered_at")
    return before.is_scored and not before.is_rendered


async def find_clip(on: AsyncConnection, owner_id: str, job_id: str, clip_id: str) -> Clip | None:
    here = and_(clips.c.owner_id == owner_id, clips.c.job_id == job_id, clips.c.clip_id == clip_id)
    row = (await on.execute(select(clips).where(here, clips.c.scored.is_not(None)))).one_or_none()
    return None if row is None else _clip(row)


async def page_of_clips(on: AsyncConnection, of: ClipsOf, after: Place | None, size: int) -> list[tuple[Place, Clip]]:
    """Clips: the newest job first, then by rank."""
    conditions: list[ColumnElement[bool]] = [clips.c.owner_id == of.owner_id, clips.c.scored.is_not(None)]
    if of.job_id:
        conditions.append(clips.c.job_id == of.job_id)
    if of.video_id:
        conditions.append(clips.c.video_id == of.video_id)
    if after is not None:
        same_time = clips.c.scored_at == after.scored_at
        conditions.append(
            or_(
                clips.c.scored_at < after.scored_at,
                and_(same_time, clips.c.job_id > after.job_id),
                and_(same_time, clips.c.job_id == after.job_id, clips.c.rank > after.rank),
            )
        )
    order = (clips.c.scored_at.desc(), clips.c.job_id, clips.c.rank)
    rows = await on.execute(select(clips).where(*conditions).order_by(*order).limit(size))
    return [(Place(row.scored_at, row.job_id, row.rank), _clip(row)) for row in rows]


def _clip(row: Row[tuple[object, ...]]) -> Clip:
    clip = Clip(owner_id=row.owner_id, job_id=row.job_id, video_id=row.video_id)
    clip.scored.ParseFromString(row.scored)
    if row.rendering is not None:
        clip.rendering.ParseFromString(row.rendering)
    return clip


@dataclass(frozen=True)
class _Halves:
    """What is known of a clip."""

    is_scored: bool
    is_rendered: bool


async def _halves_of(on: AsyncConnection, key: ClipKey) -> _Halves:
    here = and_(clips.c.owner_id == key.owner_id, clips.c.job_id == key.job_id, clips.c.clip_id == key.clip_id)
    row = (await on.execute(select(clips.c.scored_at, clips.c.rendered_at).where(here))).one_or_none()
    return _Halves(row is not None and row.scored_at is not None, row is not None and row.rendered_at is not None)


async def upsert(
    on: AsyncConnection, table: Table, key: tuple[str, ...], row: Mapping[str, object], newest_by: str | None = None
) -> None:
    """Insert `row`, or overwrite its columns where the key is there: with `newest_by`, unless it is the older one."""
    insert = _insert(on, table).values(row)
    rest = {name: insert.excluded[name] for name in row if name not in key}
    newer = None
    if newest_by is not None:
        there = table.c[newest_by]
        newer = or_(there.is_(None), there <= insert.excluded[newest_by])
    await on.execute(insert.on_conflict_do_update(index_elements=key, set_=rest, where=newer))


def _insert(on: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if on.dialect.name == "sqlite":
        return sqlite.insert(table)
    # Only a cluster pays for its import.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
