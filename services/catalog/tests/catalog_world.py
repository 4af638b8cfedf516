"""The catalog on a database and blobs of its own, behind a real server; and a job's events, as stages send them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clipmill_catalog.service
import grpc.aio
from clipmill_catalog.settings import CatalogSettings
from google.protobuf.message import Message
from harness.blocking import nothing_blocks

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioAnalyzed, Diarization, SoundEvent, Word
from clipmill.catalog.v1 import catalog_pb2 as pb
from clipmill.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from clipmill.clips.v1.clips_pb2 import ClipHead, ClipRendered, ClipsScored, ScoredClip, ScoredClips
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.media.v1.media_pb2 import MediaInfo, MediaIngested
from clipmill.topic import Topic
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill.work.v1.work_pb2 import Answer, Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Subscription
from clipmill_shared.events import Event, event_id
from clipmill_shared.platform import Platform
from clipmill_shared.results import Results
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running

VIDEO_BYTES = b"not really a video " * 100_000


class RecordingBus:
    """Keeps what is published; what is subscribed is handed over by the test."""

    def __init__(self) -> None:
        self.events: list[Event[Any]] = []
        self.subscriptions: dict[str, Subscription] = {}

    async def publish(self, *events: Event[Message]) -> None:
        self.events += events

    @asynccontextmanager
    async def run(self, *subscriptions: Subscription) -> AsyncIterator[None]:
        self.subscriptions = {subscription.topic.name: subscription for subscription in subscriptions}
        yield

    async def close(self) -> None:
        return None


@dataclass
class CatalogWorld:
    bus: RecordingBus
    blobs: Blobs
    folder: Path
    address: str
    stub: Any
    results: Results

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path, sql_url: str = "", redis_url: str = "") -> AsyncIterator[CatalogWorld]:
        bus = RecordingBus()
        blobs = Blobs.in_folder(folder / "blobs", folder / "scratch", (folder / "videos",))
        url = sql_url or f"sqlite+aiosqlite:///{folder}/{{service}}.db"
        results = Results(blobs, redis_url)
        # Redis' client reads files when it first connects.
        await results.forget("nobody", "nothing")
        platform = Platform(bus, blobs, url, folder / "scratch", "test", results=results)
        service = clipmill_catalog.service.build(CatalogSettings(), platform)

        def owner(metadata: Iterable[tuple[str, str | bytes]]) -> str:
            return str(dict(metadata).get("owner", "ada"))

        async with (
            running([service], bus),
            serving([service], f"unix:{folder}/s", authenticate=owner) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            with nothing_blocks("clipmill_catalog", "clipmill_shared"):
                yield cls(bus, blobs, folder, address, CatalogServiceStub(channel), results)
        await results.close()

    async def hear_of(self, *events: Event[Message]) -> None:
        for event in events:
            assert await self.bus.subscriptions[event.topic.name].handler(event) == ()

    async def clips(self, **request: str) -> list[pb.Clip]:
        return list((await self.stub.ListClips(pb.ListClipsRequest(**request))).clips)

    async def download(self, clip_id: str, file: pb.DownloadClipRequest.File.ValueType, offset: int = 0) -> bytes:
        request = pb.DownloadClipRequest(job_id="j1", clip_id=clip_id, file=file, offset=offset)
        return b"".join([response.content async for response in self.stub.DownloadClip(request)])

    async def until(self, what: Callable[[], object]) -> None:
        """Wait for what loops of the service do by themselves."""
        async with asyncio.timeout(30):
            while not what():
                await asyncio.sleep(0.01)

    def stored(self) -> list[str]:
        """Every object of the store."""
        return sorted(
            str(path.relative_to(self.folder)) for path in (self.folder / "blobs").rglob("*") if path.is_file()
        )


@dataclass
class JobEvents:
    """A job's results: two parts heard, one seen, two clips; as events and as blobs."""

    world: CatalogWorld
    job_id: str = "j1"
    video_id: str = "v1"
    owner_id: str = "ada"
    at: float = 1000.0

    async def all(self) -> list[Event[Message]]:
        return [
            await self.ingested(),
            await self.heard(0, 50, "Hello there."),
            await self.heard(50, 120, "Good bye."),
            await self.seen(),
            await self.scored(),
            await self.rendered("c1"),
            await self.rendered("c2"),
        ]

    async def ingested(self, source: BlobRef | None = None) -> Event[Message]:
        message = MediaIngested(
            task=self._task(),
            answer=await self._answer("import"),
            video_id=self.video_id,
            name=f"{self.video_id}.mp4",
            source=source or await self._blob("source"),
            speech=await self._blob("speech"),
            info=MediaInfo(duration_s=120),
            audio_parts=[TimeRange(start_s=0, end_s=50), TimeRange(start_s=50, end_s=120)],
        )
        return self._event(topics.MEDIA_INGESTED, message, "import")

    async def heard(self, start_s: float, end_s: float, text: str, events: Sequence[SoundEvent] = ()) -> Event[Message]:
        part = TimeRange(start_s=start_s, end_s=end_s)
        words = [
            Word(text=word, start_s=start_s + 10 * i, end_s=start_s + 10 * i + 1) for i, word in enumerate(text.split())
        ]
        analysis = AudioAnalysis(part=part, language="en", words=words, events=events)
        message = AudioAnalyzed(
            task=self._task(),
            answer=await self._answer(f"audio-{start_s}"),
            part=part,
            analysis=await self.world.blobs.put_message(self.owner_id, analysis),
            video_id=self.video_id,
        )
        return self._event(topics.AUDIO_ANALYZED, message, f"audio-{start_s}")

    async def seen(self) -> Event[Message]:
        message = VisionAnalyzed(
            task=self._task(),
            answer=await self._answer("vision"),
            analysis=await self._blob("seen"),
            video_id=self.video_id,
        )
        return self._event(topics.VISION_ANALYZED, message, "vision")

    async def scored(self, *clip_ids: str, diarization: Diarization | None = None) -> Event[Message]:
        heads = [ClipHead(clip_id=clip_id, rank=rank) for rank, clip_id in enumerate(clip_ids or ("c1", "c2"), 1)]
        clips = ScoredClips(clips=[ScoredClip(head=head, reason=f"Why {head.clip_id}.") for head in heads])
        message = ClipsScored(
            task=self._task(),
            answer=await self._answer("scoring"),
            video_id=self.video_id,
            scored=await self.world.blobs.put_message(self.owner_id, clips),
            clips=heads,
            diarization=await self.world.blobs.put_message(self.owner_id, diarization) if diarization else None,
        )
        return self._event(topics.CLIPS_SCORED, message, "scoring")

    async def rendered(self, clip_id: str) -> Event[Message]:
        message = ClipRendered(
            task=self._task(),
            answer=await self._answer(f"render-{clip_id}"),
            video_id=self.video_id,
            clip_id=clip_id,
            video=await self.world.blobs.put_bytes(self.owner_id, VIDEO_BYTES + clip_id.encode(), "video/mp4"),
            thumbnail=await self._blob(f"picture-{clip_id}"),
            width=1080,
            height=1920,
            duration_s=30,
        )
        return self._event(topics.CLIPS_RENDERED, message, f"render-{clip_id}")

    async def _blob(self, name: str) -> BlobRef:
        return await self.world.blobs.put_bytes(self.owner_id, f"{name} of {self.video_id}".encode(), "text/plain")

    async def _answer(self, part: str) -> Answer:
        key = event_id(self.video_id, part)
        await self.world.blobs.write_record(self.owner_id, key, Answer(compute_s=1))
        return Answer(record=key)

    def _task(self) -> Task:
        return Task(owner_id=self.owner_id, job_id=self.job_id, task_id=f"{self.job_id}-t", attempt=1)

    def _event(self, topic: Topic, message: Message, name: str) -> Event[Message]:
        time = datetime.fromtimestamp(self.at, UTC)
        return Event(topic, message, event_id(self.job_id, name), self.owner_id, "/test", time)
