"""The record stage: has a live source recorded, publishes its parts as they come, and joins them at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import Message

from clipmill import topics
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange, Warning  # noqa: A004 - the message's name
from clipmill.media.v1.media_pb2 import MediaIngested, RecordedPart, RecordTask
from clipmill.work.v1.work_pb2 import Answer, JobControl, Stage
from clipmill_ingest.domain.live import Known
from clipmill_ingest.live.exchange import (
    STOP,
    Ending,
    Joined,
    JoinRequest,
    Recorded,
    RecordRequest,
    Resume,
    Segment,
    Way,
)
from clipmill_ingest.live.parts import announced, media
from clipmill_ingest.settings import IngestSettings
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Bus, Subscription
from clipmill_shared.compute import Children, Cores, Limits
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, event_id
from clipmill_shared.work import Report, StageWork

RECORD = "clipmill_ingest.live.record:record"
JOIN = "clipmill_ingest.live.join:join"
LIMITS = Limits(address_space_bytes=4 << 30, open_files=64)
LOOK_S = 0.1
WEB = ("http", "https")
MAX_REMEMBERED = 1000
MEDIA_TYPES = {Stage.STAGE_AUDIO: "audio/flac", Stage.STAGE_VISION: "video/mp2t"}


# What the ledger has of a job's recording, by the attempt that asks, None where that is not the present one: a task may
# be delivered again long after it was released.
Ledgered = Callable[[str, str, int], Awaitable[Known | None]]


@dataclass
class _Made:
    """The parts that there are of one source, whoever recorded them."""

    sounds: list[TimeRange] = field(default_factory=list)
    pictures: list[tuple[TimeRange, BlobRef]] = field(default_factory=list)
    source_start_s: float = 0.0

    def of(self, stage: Stage.ValueType) -> int:
        return len(self.sounds) if stage == Stage.STAGE_AUDIO else len(self.pictures)


class Recorder:
    """Makes MediaIngested of RecordTask, and RecordedParts on the way."""

    def __init__(
        self, settings: IngestSettings, blobs: Blobs, bus: Bus, known: Ledgered, *, cores: Cores | None = None
    ) -> None:
        self._settings = settings
        self._known = known
        self._blobs = blobs
        self._bus = bus
        # A recording waits for its source nearly all the time: no core is kept for it.
        self._recording = Children(RECORD, settings.live_slots, LIMITS)
        self._joining = Children(JOIN, 1, LIMITS, cores, ahead=0)
        # Jobs whose input is to end, and the folders of those that are being recorded here.
        self._ended: dict[str, None] = {}
        self._folders: dict[str, Path] = {}
        self._feeds: dict[str, asyncio.Task[None]] = {}

    @property
    def stage(self) -> StageWork[RecordTask, MediaIngested]:
        return StageWork(
            stage=Stage.STAGE_RECORD,
            name="record",
            tasks=topics.RECORD_TASKS,
            results=topics.MEDIA_INGESTED,
            version="1",
            work=self.work,
            keeps=False,
        )

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        return (Subscription(topics.JOBS_CONTROL, group="", handler=self._on_control, broadcast=True),)

    async def close(self) -> None:
        await self._recording.close()
        await self._joining.close()

    async def work(self, task: RecordTask, report: Report) -> MediaIngested:
        """Record until the source ends. What earlier attempts brought is kept, and gone on from."""
        known = await self._known(task.task.owner_id, task.task.job_id, task.task.attempt)
        if known is None:
            raise _superseded(task.source.name)
        made = _Made([part.part for part in known.sounds], [(part.part, part.blob) for part in known.pictures])
        if known.pictures:
            made.source_start_s = known.pictures[-1].source_start_s
        if known.input_ended:
            self._ended[task.task.job_id] = None
        async with self._blobs.scratch_folder() as folder:
            recorded = await self._record(task, known.url, made, folder, report)
            joined, source = await self._join(task, made, folder, recorded)
        info = joined.info
        return MediaIngested(
            answer=Answer(warnings=[*recorded.warnings, *self._remarks(task, recorded)]),
            video_id=task.video_id,
            name=task.source.name,
            source=source,
            info=info,
            audio_parts=made.sounds,
            vision_parts=[part for part, _ in made.pictures],
        )

    async def _record(self, task: RecordTask, address: str, made: _Made, folder: Path, report: Report) -> Recorded:
        url = urlsplit(address)
        if not url.scheme:
            path = await asyncio.to_thread(self._blobs.under_import_root, Path(task.source.path))
            return await self._recorded(self._request(task, made, folder, Way.FILE, str(path)), task, made, report)
        if url.scheme not in WEB:
            self._check_host(url.hostname or "", url.port)
            request = self._request(task, made, folder, Way.ADDRESS, address)
            return await self._recorded(request, task, made, report)
        # Not needed for files, and its HTTP client takes long to import.
        web = await asyncio.to_thread(import_module, "clipmill_ingest.live.web")
        with closing(web.WebStream(self._settings, address, folder)) as stream:
            request = self._request(task, made, folder, Way.PIPE, str(stream.picture.path))
            request = replace(request, sound=str(stream.sound.path))
            async with self._fed(task, stream.feed()) as feed:
                try:
                    recorded = await self._recorded(request, task, made, report)
                except ClipmillError:
                    if feed.done() and not feed.cancelled() and feed.exception() is not None:
                        # Why nothing came says more than that nothing came.
                        await feed
                    raise
        if feed.done() and not feed.cancelled() and feed.exception() is not None:
            stream.warnings.append(_warning("LIVE_WENT_SILENT", f"{task.source.name} broke off: {feed.exception()}"))
        recorded.warnings.extend(stream.warnings)
        return recorded

    @asynccontextmanager
    async def _fed(self, task: RecordTask, feed: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
        """`feed` beside the recording; it ends with it, or with the input."""
        job_id = task.task.job_id
        self._feeds[job_id] = running = asyncio.create_task(feed)
        if job_id in self._ended:
            running.cancel()
        try:
            yield running
        finally:
            del self._feeds[job_id]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _recorded(self, request: RecordRequest, task: RecordTask, made: _Made, report: Report) -> Recorded:
        folder = request.folder
        async with self._stoppable(task, folder):
            child = asyncio.create_task(self._recording.run(request, report))
            try:
                while not child.done():
                    await self._publish(task, made, folder)
                    await asyncio.wait((child,), timeout=LOOK_S)
                await self._publish(task, made, folder)
                recorded = await child
            finally:
                child.cancel()
                await asyncio.gather(child, return_exceptions=True)
        assert isinstance(recorded, Recorded)
        return recorded

    def _check_host(self, host: str, port: int | None) -> None:
        """FFmpeg makes these connections, and follows where it is led: the operator has to trust their hosts."""
        if self._settings.url_allowed_hosts.isdisjoint((host, f"{host}:{port}")):
            raise ClipmillError(
                "INPUT_URL_PRIVATE",
                f"{host[:200]} is not among the hosts whose RTMP and RTSP streams are taken.",
                "Name it in CLIPMILL_INGEST_URL_ALLOWED_HOSTS, or give the stream as HLS.",
            )

    def _request(self, task: RecordTask, made: _Made, folder: Path, way: Way, address: str) -> RecordRequest:
        settings, source = self._settings, task.source
        resume = None
        if made.pictures:
            resume = Resume(
                source_start_s=made.source_start_s,
                sounds=len(made.sounds),
                sound_s=made.sounds[-1].end_s if made.sounds else 0.0,
                pictures=len(made.pictures),
                picture_s=made.pictures[-1][0].end_s,
            )
        return RecordRequest(
            way=way,
            address=address,
            name=source.name,
            folder=folder,
            idle_s=settings.live_idle_s,
            max_s=self._max_s(task),
            max_bytes=settings.max_file_bytes,
            resume=resume,
        )

    def _max_s(self, task: RecordTask) -> float:
        asked_s = task.source.live.max_s
        return min(asked_s, self._settings.live_max_s) if asked_s > 0 else self._settings.live_max_s

    async def _publish(self, task: RecordTask, made: _Made, folder: Path) -> None:
        """Keep the parts that have been announced since, and tell of them."""
        for stage, media_type in MEDIA_TYPES.items():
            while (path := announced(folder, stage, made.of(stage))).exists():
                part = RecordedPart.FromString(await asyncio.to_thread(path.read_bytes))
                part.task.CopyFrom(task.task)
                part.video_id = task.video_id
                part.blob.CopyFrom(
                    await self._blobs.put_file(task.task.owner_id, media(folder, stage, part.number), media_type)
                )
                name = event_id(task.task.task_id, task.task.attempt, path.name)
                await self._bus.publish(Event(topics.MEDIA_PARTS, part, name, task.task.owner_id, "/record"))
                if stage == Stage.STAGE_AUDIO:
                    made.sounds.append(part.part)
                else:
                    made.pictures.append((part.part, part.blob))

    async def _join(self, task: RecordTask, made: _Made, folder: Path, recorded: Recorded) -> tuple[Joined, BlobRef]:
        async with AsyncExitStack() as stack:
            segments = [
                Segment(await stack.enter_async_context(self._blobs.local(blob)), part.end_s)
                for part, blob in made.pictures
            ]
            request = JoinRequest(segments, folder / "whole", task.source.name, recorded.has_sound)
            joined = await self._joining.run(request)
        assert isinstance(joined, Joined)
        return joined, await self._blobs.put_file(task.task.owner_id, request.target, joined.media_type)

    def _remarks(self, task: RecordTask, recorded: Recorded) -> Sequence[Warning]:
        name = task.source.name
        if recorded.ending is Ending.LIMIT and not 0 < task.source.live.max_s <= recorded.video_s + 1:
            message = f"{name} was recorded for {recorded.video_s / 60:.0f} minutes, and no further: that is the limit."
            return [_warning("LIVE_LIMIT", message)]
        return []

    # --- the end of an input ---

    @asynccontextmanager
    async def _stoppable(self, task: RecordTask, folder: Path) -> AsyncIterator[None]:
        job_id = task.task.job_id
        self._folders[job_id] = folder
        try:
            if job_id in self._ended:
                await asyncio.to_thread((folder / STOP).touch)
            yield
        finally:
            del self._folders[job_id]

    async def _on_control(self, event: Event[Any]) -> Sequence[Event[Message]]:
        control: JobControl = event.message
        if control.command == JobControl.COMMAND_END_INPUT:
            # Its task may still be on its way here.
            self._ended[control.job_id] = None
            while len(self._ended) > MAX_REMEMBERED:
                self._ended.pop(next(iter(self._ended)))
            if (folder := self._folders.get(control.job_id)) is not None:
                await asyncio.to_thread((folder / STOP).touch)
            if (feed := self._feeds.get(control.job_id)) is not None:
                feed.cancel()
        return ()


def _warning(code: str, message: str) -> Warning:
    return Warning(code=code, message=message, part="record")


def _superseded(name: str) -> ClipmillError:
    return ClipmillError("TASK_EXPIRED", f"{name} is recorded by a later attempt.", "Nothing is to be done.")
