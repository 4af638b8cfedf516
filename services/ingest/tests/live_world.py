"""A world whose live sources are recorded for real."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmill_ingest.domain.options import complete
from clipmill_ingest.live.recorder import Recorder
from clipmill_ingest.settings import IngestSettings
from world import OWNER, WORK, World

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.clips.v1.clips_pb2 import ClipHead, ClipOptions, ClipsPreviewed
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1.jobs_pb2 import Job
from clipmill.media.v1.media_pb2 import Live, Source
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill_shared.service import Service, running
from clipmill_shared.work import Worker


async def hear(task: Any, report: Any) -> AudioAnalyzed:
    assert task.part.start_s == task.speech_start_s
    heard = BlobRef(sha256=hashlib.sha256(str(task.part.start_s).encode()).hexdigest(), size_bytes=1)
    return AudioAnalyzed(part=task.part, analysis=heard, video_id=task.video_id, words=2, text="said so")


async def see(task: Any, report: Any) -> VisionAnalyzed:
    return VisionAnalyzed(part=task.part, analysis=BlobRef(sha256="a" * 64, size_bytes=1), video_id=task.video_id)


async def preview(task: Any, report: Any) -> ClipsPreviewed:
    return ClipsPreviewed(video_id=task.video_id, clips=[ClipHead(clip_id="maybe", rank=1)])


@dataclass
class LiveWorld:
    """A world whose sources are recorded for real."""

    world: World

    @asynccontextmanager
    async def recorder(self, name: str = "record-1") -> AsyncIterator[Recorder]:
        world = self.world
        recorder = Recorder(world.settings, world.blobs, world.bus, world.ledger.recording)
        worker = Worker(recorder.stage, world.bus, world.blobs, slots=1, worker_id=name)
        service = Service(
            name,
            (*worker.subscriptions, *recorder.subscriptions),
            loops=(worker.report_status,),
            stop=recorder.close,
        )
        async with running([service], world.bus):
            yield recorder

    async def submit(self, *, path: Path | None = None, url: str = "", max_s: float = 0.0) -> Job:
        live = Live(max_s=max_s)
        source = Source(path=str(path), live=live) if path else Source(url=url, live=live)
        source, options = await self.world.requests.check(OWNER, source, complete(ClipOptions(clips=1)))
        return await self.world.ledger.submit(OWNER, source, options, "")


@asynccontextmanager
async def live_world(folder: Path, **settings: Any) -> AsyncIterator[LiveWorld]:
    defaults = {"retry_s": 0, "worker_live_s": 60, "live_idle_s": 2, "url_allowed_hosts": frozenset({"127.0.0.1"})}
    world = World(folder, IngestSettings(**{**defaults, **settings}))
    workers = [
        world.worker(name, work)
        for name, work in {**WORK, "audio": hear, "vision": see, "preview": preview}.items()
        if name != "import"
    ]
    async with running([world.service, *workers], world.bus):
        yield LiveWorld(world)
    await world.bus.close()


def recorded(at_least_s: float) -> Callable[[Job], bool]:
    return lambda job: job.live.recorded_s >= at_least_s
