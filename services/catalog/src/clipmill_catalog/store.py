"""What the catalog keeps. Every function works inside the caller's transaction, for one owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Row, Table, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.catalog.v1.catalog_pb2 import Clip, Rendering, Video
from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_catalog.domain.transcript import HeardPart
from clipmill_catalog.tables import clips, made, transcripts, videos

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
class Made:
    """What has to be erased with a video, unless another video has it too: blobs, and keys of cached results."""

    blobs: tuple[BlobRef, ...]
    records: tuple[str, ...]


async def add_video(on: AsyncConnection, video: Video) -> bool:
    """Keep a video; True when it is new."""
    is_new = await find_video(on, video.owner_id, video.video_id) is None
    row = {"owner_id": video.owner_id, "video_id": video.video_id, "video": video.SerializeToString()}
    await _upsert(on, videos, ("owner_id", "video_id"), row)
    return is_new


async def find_video(on: AsyncConnection, owner_id: str, video_id: str) -> Video | None:
    query = select(videos.c.video).where(videos.c.owner_id == owner_id, videos.c.video_id == video_id)
    content = (await on.execute(query)).scalar()
    return None if content is None else Video.FromString(content)


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
    await _upsert(on, transcripts, ("owner_id", "job_id", "start_s"), row)


async def parts_of(on: AsyncConnection, owner_id: str, video_id: str) -> list[HeardPart]:
    of_video = and_(transcripts.c.owner_id == owner_id, transcripts.c.video_id == video_id)
    rows = await on.execute(select(transcripts).where(of_video))
    return [
        HeardPart(row.job_id, row.start_s, row.end_s, row.heard_at, BlobRef.FromString(row.analysis)) for row in rows
    ]


async def add_scored(on: AsyncConnection, key: ClipKey, clip: ScoredClip, scored_at: float) -> None:
    row = {**asdict(key), "rank": clip.head.rank, "scored_at": scored_at, "scored": clip.SerializeToString()}
    await _upsert(on, clips, _CLIP_KEY, row)


async def add_rendering(on: AsyncConnection, key: ClipKey, rendering: Rendering) -> bool:
    """Keep how a clip was rendered; True when it was not rendered before."""
    here = and_(clips.c.owner_id == key.owner_id, clips.c.job_id == key.job_id, clips.c.clip_id == key.clip_id)
    before = (await on.execute(select(clips.c.rendering).where(here))).scalar()
    row = {**asdict(key), "rendering": rendering.SerializeToString()}
    await _upsert(on, clips, _CLIP_KEY, row)
    return before is None


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


async def add_made(
    on: AsyncConnection, owner_id: str, video_id: str, refs: Sequence[BlobRef], records: Sequence[str]
) -> None:
    """Remember what was made of a video."""
    named: dict[str, bytes | None] = {ref.uri: ref.SerializeToString() for ref in refs}
    named |= dict.fromkeys((f"record:{key}" for key in records if key), None)
    for name, content in named.items():
        row = {"owner_id": owner_id, "video_id": video_id, "name": name, "blob": content}
        await _upsert(on, made, ("owner_id", "video_id", "name"), row)


async def delete_video(on: AsyncConnection, owner_id: str, video_id: str) -> tuple[int, Made]:
    """Forget a video; the number of its clips, and what is to be erased."""
    theirs = select(made.c.name).where(made.c.owner_id == owner_id, made.c.video_id != video_id)
    mine = select(made).where(made.c.owner_id == owner_id, made.c.video_id == video_id, made.c.name.not_in(theirs))
    rows = (await on.execute(mine)).all()
    of_video = and_(clips.c.owner_id == owner_id, clips.c.video_id == video_id)
    count = (await on.execute(select(func.count()).select_from(clips).where(of_video))).scalar_one()
    for table in (clips, transcripts, made, videos):
        await on.execute(delete(table).where(table.c.owner_id == owner_id, table.c.video_id == video_id))
    return count, Made(
        tuple(BlobRef.FromString(row.blob) for row in rows if row.blob is not None),
        tuple(row.name.removeprefix("record:") for row in rows if row.blob is None),
    )


def _clip(row: Row[tuple[object, ...]]) -> Clip:
    clip = Clip(owner_id=row.owner_id, job_id=row.job_id, video_id=row.video_id)
    clip.scored.ParseFromString(row.scored)
    if row.rendering is not None:
        clip.rendering.ParseFromString(row.rendering)
    return clip


async def _upsert(on: AsyncConnection, table: Table, key: tuple[str, ...], row: Mapping[str, object]) -> None:
    insert = (sqlite.insert if on.dialect.name == "sqlite" else postgresql.insert)(table).values(row)
    rest = {name: insert.excluded[name] for name in row if name not in key}
    await on.execute(insert.on_conflict_do_update(index_elements=key, set_=rest))
