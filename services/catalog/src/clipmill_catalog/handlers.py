"""Events in, rows out. Each is an upsert, so that a replay changes nothing and the order of topics does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.catalog.v1.catalog_pb2 import CatalogChange, Rendering, Video
from clipmill.clips.v1.clips_pb2 import ClipRendered, ClipsScored, ScoredClips
from clipmill.media.v1.media_pb2 import MediaIngested
from clipmill_catalog import store
from clipmill_catalog.domain.transcript import HeardPart
from clipmill_catalog.store import ClipKey
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Subscription
from clipmill_shared.events import Event, event_id
from clipmill_shared.outbox import Outbox
from clipmill_shared.sql import Database
from clipmill_shared.work import blob_refs

GROUP = "catalog"


class Handlers:
    def __init__(self, database: Database, outbox: Outbox, blobs: Blobs) -> None:
        self._database = database
        self._outbox = outbox
        self._blobs = blobs

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        return (
            Subscription(topics.MEDIA_INGESTED, GROUP, self.on_ingested),
            Subscription(topics.AUDIO_ANALYZED, GROUP, self.on_heard),
            Subscription(topics.VISION_ANALYZED, GROUP, self.on_seen),
            Subscription(topics.CLIPS_SCORED, GROUP, self.on_scored),
            Subscription(topics.CLIPS_RENDERED, GROUP, self.on_rendered),
        )

    async def on_ingested(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: MediaIngested = event.message
        video = Video(owner_id=event.owner_id, video_id=message.video_id, name=message.name, info=message.info)
        async with self._database.transaction() as on:
            await self._remember(on, event)
            if await store.add_video(on, video):
                await self._tell(on, event, CatalogChange.KIND_VIDEO_ADDED)
        return ()

    async def on_heard(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: AudioAnalyzed = event.message
        span, heard_at = message.part, event.time.timestamp()
        part = HeardPart(message.task.job_id, span.start_s, span.end_s, heard_at, message.analysis)
        async with self._database.transaction() as on:
            await self._remember(on, event)
            await store.add_part(on, event.owner_id, message.video_id, part)
        return ()

    async def on_seen(self, event: Event[Any]) -> Sequence[Event[Message]]:
        async with self._database.transaction() as on:
            await self._remember(on, event)
        return ()

    async def on_scored(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: ClipsScored = event.message
        scored = await self._blobs.get_message(message.scored, ScoredClips) if message.clips else ScoredClips()
        async with self._database.transaction() as on:
            await self._remember(on, event)
            for clip in scored.clips:
                key = ClipKey(event.owner_id, message.task.job_id, clip.head.clip_id, message.video_id)
                await store.add_scored(on, key, clip, event.time.timestamp())
        return ()

    async def on_rendered(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: ClipRendered = event.message
        rendering = Rendering(
            video=message.video,
            subtitles=message.subtitles if message.HasField("subtitles") else None,
            thumbnail=message.thumbnail,
            width=message.width,
            height=message.height,
            duration_s=message.duration_s,
            loudness_lufs=message.loudness_lufs if message.HasField("loudness_lufs") else None,
            warnings=message.answer.warnings,
        )
        key = ClipKey(event.owner_id, message.task.job_id, message.clip_id, message.video_id)
        async with self._database.transaction() as on:
            await self._remember(on, event)
            if await store.add_rendering(on, key, rendering):
                await self._tell(on, event, CatalogChange.KIND_CLIP_ADDED)
        return ()

    async def _remember(self, on: AsyncConnection, event: Event[Any]) -> None:
        """Note what the event says was made, so that deleting the video finds it."""
        refs = [ref for ref in blob_refs(event.message) if ref.uri.startswith("blob:")]
        await store.add_made(on, event.owner_id, event.message.video_id, refs, [event.message.answer.record])

    async def _tell(self, on: AsyncConnection, cause: Event[Any], kind: CatalogChange.Kind.ValueType) -> None:
        change = CatalogChange(owner_id=cause.owner_id, video_id=cause.message.video_id, kind=kind)
        name = event_id(cause.id, CatalogChange.Kind.Name(kind))
        await self._outbox.add(on, Event(topics.CATALOG_CHANGES, change, name, cause.owner_id, "/catalog"))
