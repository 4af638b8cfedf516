"""The import stage: brings a video here, asks a child process what it is, and says so."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clipmill import topics
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.media.v1.media_pb2 import ImportTask, MediaIngested
from clipmill.work.v1.work_pb2 import Answer, Stage
from clipmill_ingest import faults
from clipmill_ingest.domain.record import derived_id
from clipmill_ingest.exchange import Imported, ImportRequest
from clipmill_ingest.recognition import Recognition
from clipmill_ingest.settings import IngestSettings
from clipmill_ingest.sources import check_file
from clipmill_shared.blobs import Blobs, sha256_of
from clipmill_shared.compute import Children, Cores, Limits
from clipmill_shared.work import Report, StageWork

if TYPE_CHECKING:
    from clipmill_ingest.download import Downloads

FUNCTION = "clipmill_ingest.answer:answer"
# Demuxing and one track of sound need little; a file that makes FFmpeg want more is an attack.
LIMITS = Limits(address_space_bytes=4 << 30, open_files=64)
# Share of the progress that fetching and hashing the file is given.
FETCHED = 0.5
MAX_REMEMBERED = 100
# Of a fingerprint.
MEDIA_TYPE = "application/octet-stream"


# Where an owner's job has its video fetched: a task says it without the password that there may be.
AddressOf = Callable[[str, str], Awaitable[str]]


class Importer:
    """Makes MediaIngested of ImportTask. Between the two steps of a task it remembers where the video lies."""

    def __init__(
        self, settings: IngestSettings, blobs: Blobs, address_of: AddressOf, cores: Cores | None = None
    ) -> None:
        self._address_of = address_of
        self._settings = settings
        self._blobs = blobs
        self._downloads: Downloads | None = None
        self._children = Children(FUNCTION, settings.import_slots, LIMITS, cores, ahead=0)
        self._recognition = Recognition(blobs, self._children)
        self._fetched: dict[str, BlobRef] = {}

    @property
    def stage(self) -> StageWork[ImportTask, MediaIngested]:
        settings = self._settings
        return StageWork(
            stage=Stage.STAGE_IMPORT,
            name="import",
            tasks=topics.IMPORT_TASKS,
            results=topics.MEDIA_INGESTED,
            version=f"4-{settings.part_s:g}-{settings.side_by_side}-{settings.max_duration_s:g}",
            work=self.work,
            content_key=self.content_key,
            adopt=self.adopt,
        )

    async def content_key(self, task: ImportTask, report: Report) -> str:
        """Bring the video here and name it by its content."""
        ref = await self._fetch(task, lambda share: report(FETCHED * share))
        self._fetched[task.task.task_id] = ref
        while len(self._fetched) > MAX_REMEMBERED:
            self._fetched.pop(next(iter(self._fetched)))
        return ref.sha256

    async def work(self, task: ImportTask, report: Report) -> MediaIngested:
        source = self._fetched[task.task.task_id]
        name = task.source.name
        async with self._blobs.local(source) as path, self._blobs.scratch_folder() as scratch:
            request = ImportRequest(
                path=path,
                name=str(path) if source.uri.startswith("file:") else name,
                speech_path=scratch / "speech.flac",
                max_duration_s=self._settings.max_duration_s,
                part_s=self._settings.part_s,
                side_by_side=self._settings.side_by_side,
            )
            imported = await self._in_child(request, lambda share: report(FETCHED + (1 - FETCHED) * share))
            result = _result(task, source, imported)
            if imported.has_speech:
                result.speech.CopyFrom(
                    await self._blobs.put_file(task.task.owner_id, request.speech_path, "audio/flac")
                )
        if imported.fingerprint:
            owner_id = task.task.owner_id
            result.fingerprint.CopyFrom(await self._blobs.put_bytes(owner_id, imported.fingerprint, MEDIA_TYPE))
            await self._recognition.recognise(owner_id, result, imported.sketch)
        return result

    async def adopt(self, task: ImportTask, result: MediaIngested) -> MediaIngested:
        """The same bytes under another name, or at another place."""
        result.source.CopyFrom(self._fetched[task.task.task_id])
        result.name = task.source.name
        if result.HasField("fingerprint"):
            await self._recognition.again(task.task.owner_id, result)
        return result

    async def close(self) -> None:
        await self._children.close()
        if self._downloads is not None:
            await self._downloads.close()

    def _downloader(self) -> Downloads:
        if self._downloads is None:
            # Not needed for files, and its HTTP client takes long to import.
            from clipmill_ingest.download import Downloads

            self._downloads = Downloads(self._settings, self._blobs)
        return self._downloads

    async def _in_child(self, request: ImportRequest, report: Report) -> Imported:
        try:
            async with asyncio.timeout(self._settings.import_timeout_s):
                answer = await self._children.run(request, report)
        except TimeoutError:
            raise faults.timed_out(request.name, self._settings.import_timeout_s) from None
        assert isinstance(answer, Imported)
        return answer

    async def _fetch(self, task: ImportTask, report: Report) -> BlobRef:
        source = task.source
        if source.HasField("url"):
            address = await self._address_of(task.task.owner_id, task.task.job_id)
            return await self._downloader().fetch(task.task.owner_id, address or source.url, report)
        if source.HasField("upload"):
            return source.upload
        path = await asyncio.to_thread(self._blobs.under_import_root, Path(source.path))
        await asyncio.to_thread(check_file, path, self._settings.max_file_bytes)
        digest = await _unless_cancelled(lambda progress: sha256_of(path, progress)[0], report)
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return await self._blobs.reference_file(path, digest, media_type)


def _result(task: ImportTask, source: BlobRef, imported: Imported) -> MediaIngested:
    return MediaIngested(
        answer=Answer(warnings=imported.warnings),
        video_id=derived_id("video", task.task.owner_id, source.sha256),
        name=task.source.name,
        source=source,
        info=imported.info,
        audio_parts=imported.audio_parts,
        vision_parts=imported.vision_parts,
    )


class _Cancelled(Exception):
    """Ends a thread whose caller is gone."""


async def _unless_cancelled(read: Callable[[Report], str], report: Report) -> str:
    """Run a long read in a thread that ends soon after this call is cancelled."""
    is_wanted = True

    def progress(share: float) -> None:
        if not is_wanted:
            raise _Cancelled
        report(share)

    running: Awaitable[str] = asyncio.to_thread(read, progress)
    try:
        return await running
    except asyncio.CancelledError:
        is_wanted = False
        raise
