"""Events in, rows out. Each is an upsert, so that a replay changes nothing and the order of topics does not matter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.catalog.v1.catalog_pb2 import CatalogChange, Rendering, Video
from clipmill.clips.v1.clips_pb2 import ClipRendered, ClipsScored, ScoredClips
from clipmill.media.v1.media_pb2 import MediaIngested
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill_catalog import store
from clipmill_catalog.domain.transcript import HeardPart
from clipmill_catalog.erasure import Erasure, JobKey, is_erased_job, remember, serial_for_video
from clipmill_catalog.store import ClipKey, KeptVideo, ToldSpeakers
from clipmill_shared import recordings
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Poison, Subscription
from clipmill_shared.events import Event, event_id
from clipmill_shared.offsets import SqlOffsets
from clipmill_shared.outbox import Outbox
from clipmill_shared.sql import Database
from clipmill_shared.work import blob_refs

GROUP = "catalog"


class Handlers:
    def __init__(self, database: Database, outbox: Outbox, blobs: Blobs, erasure: Erasure, offsets: SqlOffsets) -> None:
        self._database = database
        self._offsets = offsets
        self._outbox = outbox
        self._blobs = blobs
        self._erasure = erasure

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        return (
            Subscription(topics.MEDIA_INGESTED, GROUP, self.on_ingested, offsets=self._offsets),
            Subscription(topics.AUDIO_ANALYZED, GROUP, self.on_heard, offsets=self._offsets),
            Subscription(topics.VISION_ANALYZED, GROUP, self.on_seen, offsets=self._offsets),
            Subscription(topics.CLIPS_SCORED, GROUP, self.on_scored, offsets=self._offsets),
            Subscription(topics.CLIPS_RENDERED, GROUP, self.on_rendered, offsets=self._offsets),
        )

    async def on_ingested(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: MediaIngested = event.message
        video = Video(owner_id=event.owner_id, video_id=message.video_id, name=message.name, info=message.info)
        audio_s = sum(part.end_s - part.start_s for part in message.audio_parts)
        async with self._taking(event) as on:
            if on and await store.add_video(on, KeptVideo(video, audio_s, event.time.timestamp())):
                await self._tell(on, event, CatalogChange.KIND_VIDEO_ADDED, event.id)
        return ()

    async def on_heard(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: AudioAnalyzed = event.message
        span, heard_at = message.part, event.time.timestamp()
        part = HeardPart(message.task.job_id, span.start_s, span.end_s, heard_at, message.analysis)
        async with self._taking(event) as on:
            if on:
                await store.add_part(on, event.owner_id, message.video_id, part)
        return ()

    async def on_seen(self, event: Event[Any]) -> Sequence[Event[Message]]:
        async with self._taking(event):
            return ()

    async def on_scored(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: ClipsScored = event.message
        scored = await self._scored(event)
        async with self._taking(event) as on:
            if on and message.HasField("diarization"):
                told_at, told = event.time.timestamp(), message.diarization
                speakers = ToldSpeakers(message.task.job_id, message.video_id, told_at, told)
                await store.add_diarization(on, event.owner_id, speakers)
            for clip in scored.clips if on else ():
                key = ClipKey(event.owner_id, message.task.job_id, clip.head.clip_id, message.video_id)
                if on and await store.add_scored(on, key, clip, event.time.timestamp()):
                    await self._tell_of_clip(on, event, key)
        return ()

    async def on_rendered(self, event: Event[Any]) -> Sequence[Event[Message]]:
        message: ClipRendered = event.message
        rendering = Rendering(
            video=message.video,
            subtitles=message.subtitles if message.HasField("subtitles") else None,
            thumbnail=message.thumbnail if message.HasField("thumbnail") else None,
            width=message.width,
            height=message.height,
            duration_s=message.duration_s,
            loudness_lufs=message.loudness_lufs if message.HasField("loudness_lufs") else None,
            layouts=message.layouts,
            warnings=message.answer.warnings,
            files=message.files,
            left_out=message.left_out,
            branded=message.branded if message.HasField("branded") else None,
        )
        key = ClipKey(event.owner_id, message.task.job_id, message.clip_id, message.video_id)
        async with self._taking(event) as on:
            if on and await store.add_rendering(on, key, rendering, event.time.timestamp()):
                await self._tell_of_clip(on, event, key)
        return ()

    @asynccontextmanager
    async def _taking(self, event: Event[Any]) -> AsyncIterator[AsyncConnection | None]:
        """A transaction in which the event's rows are written, and its record finished; None when that was done before,
        or when its job's video has been erased.

        Either way it is noted what the event says was made: to erase it with the video, or at once.
        """
        message = event.message
        if message.task.owner_id != event.owner_id:
            raise Poison(f"the result is {message.task.owner_id}'s and the event {event.owner_id}'s")
        refs = [ref for ref in blob_refs(message) if ref.uri.startswith("blob:")]
        records = [message.answer.record]
        # Hearing a given transcript writes the record, too.
        if isinstance(message, MediaIngested | AudioAnalyzed):
            records.append(recordings.key_of(message.video_id))
        if isinstance(message, VisionAnalyzed):
            records.extend(message.descriptions)
        async with self._offsets.taking(event) as on:
            job = JobKey(event.owner_id, message.task.job_id, message.video_id)
            if on is not None:
                await serial_for_video(on, event.owner_id, message.video_id)
            is_kept = on is None or await remember(on, job, refs, records)
            yield on if is_kept else None
        if not is_kept:
            await self._erasure.sweep()

    async def _scored(self, event: Event[Any]) -> ScoredClips:
        """The clips that were chosen; none when they have been erased meanwhile."""
        message: ClipsScored = event.message
        async with self._database.reading() as on:
            is_erased = await is_erased_job(on, event.owner_id, message.task.job_id)
        if is_erased or not message.clips:
            return ScoredClips()
        return await self._blobs.get_message(message.scored, ScoredClips)

    async def _tell_of_clip(self, on: AsyncConnection, cause: Event[Any], key: ClipKey) -> None:
        await self._tell(on, cause, CatalogChange.KIND_CLIP_ADDED, key.job_id, key.clip_id)

    async def _tell(
        self, on: AsyncConnection, cause: Event[Any], kind: CatalogChange.Kind.ValueType, *meaning: str
    ) -> None:
        change = CatalogChange(owner_id=cause.owner_id, video_id=cause.message.video_id, kind=kind)
        name = event_id(cause.owner_id, CatalogChange.Kind.Name(kind), *meaning)
        await self._outbox.add(on, Event(topics.CATALOG_CHANGES, change, name, cause.owner_id, "/catalog"))
