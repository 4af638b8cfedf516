"""A small world around the ledger: its bus, its database, and workers that answer at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clipmill_ingest import tables
from clipmill_ingest.domain.options import complete
from clipmill_ingest.handlers import GROUP, Handlers
from clipmill_ingest.ledger import Ledger
from clipmill_ingest.redrive import Redrive
from clipmill_ingest.requests import Requests
from clipmill_ingest.service import MIGRATIONS
from clipmill_ingest.settings import IngestSettings
from clipmill_ingest.store import Store
from harness.blocking import nothing_blocks as blocking_raises

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.clips.v1.clips_pb2 import ClipHead, ClipOptions, ClipRendered, ClipsScored
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.jobs.v1.jobs_pb2 import Job, JobState
from clipmill.media.v1.media_pb2 import MediaInfo, MediaIngested, Source, VideoStream
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill.work.v1.work_pb2 import Stage
from clipmill_shared.askers import Askers
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.offsets import SqlOffsets
from clipmill_shared.outbox import Outbox
from clipmill_shared.schema import migrate
from clipmill_shared.service import Service, running
from clipmill_shared.sql import Database
from clipmill_shared.work import StageWork, Worker

OWNER = "ada"
STAGES = {
    "import": (Stage.STAGE_IMPORT, topics.IMPORT_TASKS, topics.MEDIA_INGESTED),
    "audio": (Stage.STAGE_AUDIO, topics.AUDIO_TASKS, topics.AUDIO_ANALYZED),
    "vision": (Stage.STAGE_VISION, topics.VISION_TASKS, topics.VISION_ANALYZED),
    "scoring": (Stage.STAGE_SCORING, topics.SCORING_TASKS, topics.CLIPS_SCORED),
    "render": (Stage.STAGE_RENDER, topics.RENDER_TASKS, topics.CLIPS_RENDERED),
    "preview": (Stage.STAGE_PREVIEW, topics.PREVIEW_TASKS, topics.CLIPS_PREVIEWED),
}
Work = Callable[[Any, Any], Awaitable[Any]]


def ref(name: str) -> BlobRef:
    return BlobRef(uri=f"file:/nowhere/{name}", size_bytes=1, sha256=name, media_type="x/y")


def span(start_s: float, end_s: float) -> TimeRange:
    return TimeRange(start_s=start_s, end_s=end_s)


async def ingest(task: Any, report: Any) -> MediaIngested:
    return MediaIngested(
        video_id="v1",
        name=task.source.name,
        source=ref("source"),
        info=MediaInfo(duration_s=120, video=VideoStream(display_width=640, display_height=360, rotation_deg=90)),
        speech=ref("speech"),
        audio_parts=[span(0, 50), span(50, 120)],
        vision_parts=[span(0, 70), span(70, 120)],
    )


async def hear(task: Any, report: Any) -> AudioAnalyzed:
    return AudioAnalyzed(part=task.part, analysis=ref(f"heard-{task.part.start_s:g}"), video_id=task.video_id)


async def see(task: Any, report: Any) -> VisionAnalyzed:
    return VisionAnalyzed(part=task.part, analysis=ref(f"seen-{task.part.start_s:g}"), video_id=task.video_id)


async def score(task: Any, report: Any) -> ClipsScored:
    clips = [
        ClipHead(clip_id="c1", rank=1, range=span(10, 40), score=90),
        ClipHead(clip_id="c2", rank=2, range=span(45, 80), score=80),
    ]
    return ClipsScored(video_id=task.video_id, scored=ref("scored"), clips=clips[: task.clips])


async def render(task: Any, report: Any) -> ClipRendered:
    return ClipRendered(video_id=task.video_id, clip_id=task.clip.clip_id, video=ref(task.clip.clip_id))


WORK: dict[str, Work] = {"import": ingest, "audio": hear, "vision": see, "scoring": score, "render": render}


@contextmanager
def nothing_blocks() -> Iterator[None]:
    """Raises where the project's own code blocks the event loop."""
    with blocking_raises("clipmill_ingest", "clipmill_shared") as blocking:
        # The thread pool's own lock, which is held for microseconds.
        blocking.functions["threading.Lock.acquire"].deactivate()
        yield


@dataclass
class World:
    """The ledger with its database and bus; `run` starts it with workers."""

    folder: Path
    settings: IngestSettings = field(default_factory=lambda: IngestSettings(retry_s=0, worker_live_s=60))
    bus: InProcessBus = field(default_factory=lambda: InProcessBus(grace_s=0.2))
    sql_url: str = ""

    def __post_init__(self) -> None:
        self.blobs = Blobs.in_folder(self.folder / "blobs", self.folder / "scratch", (self.folder,))
        self.database = Database(self.sql_url or f"sqlite+aiosqlite:///{self.folder}/ingest.db")
        self.outbox = Outbox(self.database, tables.outbox, self.bus)
        self.store = Store(self.outbox)
        redrive = Redrive(self.outbox, self.settings.redrive_ended_s)
        self.offsets = SqlOffsets(self.database, tables.offsets, GROUP, redrive)
        self.ledger = Ledger(self.settings, self.database, self.store, offsets=self.offsets)
        self.requests = Requests(self.blobs, self.settings.max_file_bytes)
        self.askers = Askers(None, OWNER)

    @property
    def service(self) -> Service:
        return Service(
            "ingest",
            Handlers(self.ledger, self.requests, self.askers, self.offsets).subscriptions,
            loops=(self.ledger.drive, self.ledger.prune, self.outbox.relay),
            start=lambda: migrate(MIGRATIONS, self.database, tables.metadata),
            stop=self.database.close,
        )

    def worker(self, name: str, work: Work | None = None, worker_id: str = "") -> Service:
        stage, tasks, results = STAGES[name]
        stage_work = StageWork(stage, name, tasks, results, "1", work or WORK[name])
        worker = Worker(stage_work, self.bus, self.blobs, slots=2, worker_id=worker_id or f"{name}-1")
        return Service(name, worker.subscriptions, loops=(worker.report_status,))

    @asynccontextmanager
    async def run(self, **work: Work | None) -> AsyncIterator[World]:
        """Run the ledger and a worker a stage; `work` replaces a stage's work, None leaves the stage without worker."""
        chosen = {**WORK, **work}
        workers = [self.worker(name, each) for name, each in chosen.items() if each is not None]
        async with running([self.service, *workers], self.bus):
            with nothing_blocks():
                yield self
        await self.bus.close()

    async def submit(self, owner_id: str = OWNER, key: str = "", **options: Any) -> Job:
        source = Source(path=f"/talk-{key}.mp4", name="talk.mp4")
        return await self.ledger.submit(owner_id, source, complete(ClipOptions(**options)), key)

    async def job(self, job_id: str, owner_id: str = OWNER) -> Job:
        async with self.database.reading() as on:
            job = await self.store.find(on, owner_id, job_id)
        assert job is not None
        return job

    async def ended(self, job_id: str, owner_id: str = OWNER) -> Job:
        return await self.until(
            job_id,
            lambda job: job.state not in (JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_RUNNING),
            owner_id,
        )

    async def until(self, job_id: str, condition: Callable[[Job], bool], owner_id: str = OWNER) -> Job:
        async with asyncio.timeout(30):
            while not condition(job := await self.job(job_id, owner_id)):
                await asyncio.sleep(0.01)
        return job

    async def history(self, job_id: str, owner_id: str = OWNER) -> list[Any]:
        async with self.database.reading() as on:
            return list(await self.store.history_after(on, owner_id, job_id, 0, 10_000))
