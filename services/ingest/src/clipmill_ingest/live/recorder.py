"""The record stage: has a live source recorded, publishes its parts as they come, and joins them at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from clipmill import topics
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange, Warning  # noqa: A004 - the message's name
from clipmill.media.v1.media_pb2 import MediaIngested, RecordedPart, RecordTask
from clipmill.work.v1.work_pb2 import Answer, JobControl, Stage
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
from clipmill_shared.events import Event, event_id
from clipmill_shared.work import Report, StageWork

RECORD = "clipmill_ingest.live.record:record"
JOIN = "clipmill_ingest.live.join:join"
LIMITS = Limits(address_space_bytes=4 << 30, open_files=64)
LOOK_S = 0.1
MAX_REMEMBERED = 1000
MEDIA_TYPES = {Stage.STAGE_AUDIO: "audio/flac", Stage.STAGE_VISION: "video/mp2t"}


@dataclass
class _Made:
    """The parts that there are of one source, whoever recorded them."""

    sounds: list[TimeRange] = field(default_factory=list)
    pictures: list[tuple[TimeRange, BlobRef]] = field(default_factory=list)

    def of(self, stage: Stage.ValueType) -> int:
        return len(self.sounds) if stage == Stage.STAGE_AUDIO else len(self.pictures)


class Recorder:
    """Makes MediaIngested of RecordTask, and RecordedParts on the way."""

    def __init__(self, settings: IngestSettings, blobs: Blobs, bus: Bus, cores: Cores | None = None) -> None:
        self._settings = settings
        self._blobs = blobs
        self._bus = bus
        # A recording waits for its source nearly all the time: no core is kept for it.
        self._recording = Children(RECORD, settings.live_slots, LIMITS)
        self._joining = Children(JOIN, 1, LIMITS, cores, ahead=0)
        # Jobs whose input is to end, and the folders of those that are being recorded here.
        self._ended: dict[str, None] = {}
        self._folders: dict[str, Path] = {}

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
        made = _Made(list(task.audio_parts), [(part.part, part.blob) for part in task.vision_parts])
        async with self._blobs.scratch_folder() as folder:
            recorded = await self._record(task, made, folder, report)
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

    async def _record(self, task: RecordTask, made: _Made, folder: Path, report: Report) -> Recorded:
        request = self._request(task, made, folder)
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

    def _request(self, task: RecordTask, made: _Made, folder: Path) -> RecordRequest:
        settings, source = self._settings, task.source
        resume = None
        if made.pictures:
            resume = Resume(
                source_start_s=task.vision_parts[-1].source_start_s,
                sounds=len(made.sounds),
                sound_s=made.sounds[-1].end_s if made.sounds else 0.0,
                pictures=len(made.pictures),
                picture_s=made.pictures[-1][0].end_s,
            )
        return RecordRequest(
            way=Way.FILE,
            address=str(self._blobs.under_import_root(Path(source.path))),
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
            return [Warning(code="LIVE_LIMIT", message=message, part="record")]
        return []

    # --- the end of an input ---

    @asynccontextmanager
    async def _stoppable(self, task: RecordTask, folder: Path) -> AsyncIterator[None]:
        job_id = task.task.job_id
        self._folders[job_id] = folder
        try:
            if task.input_ended or job_id in self._ended:
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
        return ()
