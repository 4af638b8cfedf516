"""A client of Clipmill: submit a video, follow its job, fetch the clips.

    async with Client("127.0.0.1:7431") as client:
        job = await client.submit(path="/videos/talk.mp4")
        async for progress in client.watch(job.job_id):
            print(progress.job.progress)

Every call has a deadline, and every failure is a ClipmillRpcError that says what to do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc.aio

from clipmill.audio.v1.audio_pb2 import Word
from clipmill.catalog.v1 import catalog_pb2 as catalog
from clipmill.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.download import download
from clipmill.jobs.v1 import jobs_pb2 as jobs
from clipmill.jobs.v1.jobs_pb2_grpc import IngestServiceStub
from clipmill.media.v1.media_pb2 import Live, Source
from clipmill.rpc_error import ClipmillRpcError, error_of

__all__ = ["FINAL_STATES", "Client", "ClipmillRpcError"]

FINAL_STATES = frozenset(
    {
        jobs.JOB_STATE_COMPLETED,
        jobs.JOB_STATE_COMPLETED_WITH_WARNINGS,
        jobs.JOB_STATE_FAILED,
        jobs.JOB_STATE_CANCELLED,
    }
)
UPLOAD_CHUNK_BYTES = 1 << 20
# Of one stream; a watch that lasts longer opens the next.
STREAM_DEADLINE_S = 3600.0
UPLOAD_DEADLINE_S = 24 * 3600.0
PAUSE_S = (0.1, 2.0)
# How long a catalog may lag behind a job that names a video.
UNKNOWN_S = 5.0
_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A restarted server is found again within seconds; the default grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Client:
    """Calls IngestService and CatalogService at one address: `unix:/path` or `host:port`.

    `token` proves the owner to a server that asks for one; send it to other machines with `tls` only: True for the
    system's certificate authorities, or the PEM file of your own. `deadline_s` bounds each unary call. `patience_s`
    bounds how long a stream that broke is tried again without any answer, and how long a catalog that lags behind its
    jobs is waited for.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str = "",
        tls: bool | Path = False,
        deadline_s: float = 30.0,
        patience_s: float = 60.0,
    ) -> None:
        self._address = address
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._tls = tls
        self._deadline_s = deadline_s
        self._patience_s = patience_s

    async def __aenter__(self) -> Self:
        if self._tls:
            authority = self._tls.read_bytes() if isinstance(self._tls, Path) else None
            credentials = grpc.ssl_channel_credentials(authority)
            self._channel = grpc.aio.secure_channel(self._address, credentials, options=_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        self._ingest: Any = IngestServiceStub(self._channel)
        self._catalog: Any = CatalogServiceStub(self._channel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    # --- jobs ---

    async def submit(
        self,
        *,
        path: str = "",
        url: str = "",
        options: ClipOptions | None = None,
        idempotency_key: str = "",
        transcript: bytes = b"",
        room_within_s: float = 0.0,
        live: Live | None = None,
    ) -> jobs.Job:
        """Have clips made of a file that the server can read, or of an address; the same key is the same job.

        With `live` the source still grows: the job's progress says what is heard, and `end_input` ends it.

        `transcript` is what is said, as SubRip, WebVTT or plain text: its words are placed instead of recognised. A
        server whose queue is full refuses; with `room_within_s` it is asked again, when it says, for so long.
        """
        if bool(path) == bool(url):
            raise ValueError("submit takes a path or a url")
        request = jobs.SubmitVideoRequest(
            idempotency_key=idempotency_key,
            source=Source(path=path, live=live) if path else Source(url=url, live=live),
            options=options,
            transcript=transcript,
        )

        async def ask() -> jobs.Job:
            response: jobs.SubmitVideoResponse = await self._call(self._ingest.SubmitVideo, request)
            return response.job

        return await _when_there_is_room(ask, room_within_s)

    async def upload(
        self,
        path: Path,
        *,
        options: ClipOptions | None = None,
        idempotency_key: str = "",
        sha256: str = "",
        transcript: bytes = b"",
        room_within_s: float = 0.0,
    ) -> jobs.Job:
        """Send a file's bytes and have clips made of them; with `sha256`, other bytes than those are refused.

        `transcript` and `room_within_s` are those of `submit`.
        """
        header = jobs.UploadHeader(
            idempotency_key=idempotency_key, name=path.name, options=options, sha256=sha256, transcript=transcript
        )

        async def send() -> jobs.Job:
            with path.open("rb") as file:

                async def parts() -> AsyncIterator[jobs.UploadVideoRequest]:
                    yield jobs.UploadVideoRequest(header=header)
                    while chunk := await asyncio.to_thread(file.read, UPLOAD_CHUNK_BYTES):
                        yield jobs.UploadVideoRequest(content=chunk)

                response: jobs.UploadVideoResponse = await self._call(
                    self._ingest.UploadVideo, parts(), deadline_s=UPLOAD_DEADLINE_S
                )
            return response.job

        return await _when_there_is_room(send, room_within_s)

    async def upload_asset(self, path: Path, kind: jobs.AssetKind.ValueType) -> BlobRef:
        """Send a file that options refer to: a brand's logo, a card, music. It is refused where it cannot be used."""

        async def parts() -> AsyncIterator[jobs.UploadAssetRequest]:
            yield jobs.UploadAssetRequest(header=jobs.AssetHeader(name=path.name, kind=kind))
            with path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, UPLOAD_CHUNK_BYTES):
                    yield jobs.UploadAssetRequest(content=chunk)

        response: jobs.UploadAssetResponse = await self._call(
            self._ingest.UploadAsset, parts(), deadline_s=UPLOAD_DEADLINE_S
        )
        return response.asset

    async def watch(self, job_id: str, after_sequence: int = 0) -> AsyncIterator[jobs.JobProgress]:
        """The job's progress until it has ended; a broken stream is resumed after the last event that arrived."""
        last = after_sequence
        patience = _Patience(self._patience_s)
        while True:
            request = jobs.WatchJobRequest(job_id=job_id, after_sequence=last)
            try:
                async for response in self._stream(self._ingest.WatchJob, request):
                    patience.renew()
                    progress = response.progress
                    last = progress.sequence
                    yield progress
                    if progress.job.state in FINAL_STATES:
                        return
            except ClipmillRpcError as error:
                if not error.may_pass or patience.is_over:
                    raise
            else:
                if patience.is_over:
                    raise ClipmillRpcError(
                        "WATCH_ENDED", f"The server stopped telling of job {job_id}.", "Ask for the job by its id."
                    )
            await patience.pause()

    async def get_job(self, job_id: str) -> jobs.Job:
        response: jobs.GetJobResponse = await self._call(self._ingest.GetJob, jobs.GetJobRequest(job_id=job_id))
        return response.job

    async def list_jobs(
        self, states: Sequence[jobs.JobState.ValueType] = (), page_size: int = 0
    ) -> AsyncIterator[jobs.Job]:
        """The owner's jobs, newest first, page by page; the server chooses the size of a page when it is 0."""
        token = ""
        while True:
            request = jobs.ListJobsRequest(states=states, page_token=token, page_size=page_size)
            response: jobs.ListJobsResponse = await self._call(self._ingest.ListJobs, request)
            for job in response.jobs:
                yield job
            if not (token := response.next_page_token):
                return

    async def cancel(self, job_id: str) -> jobs.Job:
        response: jobs.CancelJobResponse = await self._call(
            self._ingest.CancelJob, jobs.CancelJobRequest(job_id=job_id)
        )
        return response.job

    async def end_input(self, job_id: str) -> jobs.Job:
        """Record a live source no further: clips are made of what there is."""
        response: jobs.EndInputResponse = await self._call(self._ingest.EndInput, jobs.EndInputRequest(job_id=job_id))
        return response.job

    # --- clips ---

    async def clips(self, job_id: str = "", *, video_id: str = "") -> list[catalog.Clip]:
        """The clips of a job, or of a video, or all; newest job first, then by rank."""
        clips: list[catalog.Clip] = []
        token = ""
        while True:
            request = catalog.ListClipsRequest(job_id=job_id, video_id=video_id, page_token=token)
            response: catalog.ListClipsResponse = await self._call(self._catalog.ListClips, request)
            clips.extend(response.clips)
            if not (token := response.next_page_token):
                return clips

    async def wait_for_clips(self, job: jobs.Job) -> list[catalog.Clip]:
        """The rendered clips of an ended job, in its order, once the catalog has heard of them all."""
        patience = _Patience(self._patience_s)
        while True:
            made = {c.scored.head.clip_id: c for c in await self.clips(job.job_id) if c.HasField("rendering")}
            if made.keys() >= set(job.clip_ids):
                return [made[clip_id] for clip_id in job.clip_ids]
            if patience.is_over:
                raise ClipmillRpcError(
                    "CATALOG_LATE",
                    f"The catalog knows {len(made)} of the {len(job.clip_ids)} clips of job {job.job_id}.",
                    "Ask again later; if it stays so, look at the catalog's log.",
                )
            await patience.pause()

    async def download(
        self, clip: catalog.Clip, file: catalog.DownloadClipRequest.File.ValueType | str, path: Path
    ) -> None:
        """Fetch one of a clip's files to `path`, checked by size and SHA-256: `file`, or the one of
        `clip.rendering.files` with this suffix. See clipmill.download.
        """
        patience = _Patience(self._patience_s)

        async def open_at(offset: int) -> AsyncIterator[catalog.DownloadClipResponse]:
            request = catalog.DownloadClipRequest(job_id=clip.job_id, clip_id=clip.scored.head.clip_id, offset=offset)
            if isinstance(file, str):
                request.suffix = file
            else:
                request.file = file
            async for response in self._stream(self._catalog.DownloadClip, request):
                patience.renew()
                yield response

        while True:
            try:
                return await download(open_at, _file_of(clip, file), path)
            except ClipmillRpcError as error:
                if not error.may_pass or patience.is_over:
                    raise
            await patience.pause()

    async def transcript(
        self, video_id: str, start_s: float | None = None, end_s: float | None = None
    ) -> tuple[str, list[Word]]:
        """The video's language and its words, or those that touch a range; see `heard`."""
        response = await self.heard(video_id, start_s, end_s)
        return response.language, list(response.words)

    async def heard(
        self, video_id: str, start_s: float | None = None, end_s: float | None = None, job_id: str = ""
    ) -> catalog.GetTranscriptResponse:
        """The video's words and sound events, or those that touch a range; waits while the catalog lacks a part.

        Of several jobs that heard it the one that heard most (the latest of these) tells, if none is named.

        What is still lacking after the client's patience was never heard: the words that are there are returned. A
        video that the catalog does not know is waited for only shortly.
        """
        span = None
        if start_s is not None or end_s is not None:
            span = TimeRange(start_s=start_s or 0.0, end_s=float("inf") if end_s is None else end_s)
        patience, unknown = _Patience(self._patience_s), _Patience(min(self._patience_s, UNKNOWN_S))
        while True:
            request = catalog.GetTranscriptRequest(video_id=video_id, range=span, job_id=job_id)
            try:
                response: catalog.GetTranscriptResponse = await self._call(self._catalog.GetTranscript, request)
            except ClipmillRpcError as error:
                if error.status is not grpc.StatusCode.NOT_FOUND or unknown.is_over:
                    raise
            else:
                if response.complete or patience.is_over:
                    return response
            await patience.pause()

    async def delete_video(self, video_id: str) -> catalog.DeleteVideoResponse:
        """Erase a video and all that was made of it."""
        response: catalog.DeleteVideoResponse = await self._call(
            self._catalog.DeleteVideo, catalog.DeleteVideoRequest(video_id=video_id)
        )
        return response

    # --- calls ---

    async def _call(self, method: Any, request: Any, deadline_s: float | None = None) -> Any:
        with self._named_errors():
            return await method(request, timeout=deadline_s or self._deadline_s, metadata=self._metadata)

    async def _stream(self, method: Any, request: Any) -> AsyncIterator[Any]:
        call = method(request, timeout=STREAM_DEADLINE_S, metadata=self._metadata)
        try:
            with self._named_errors():
                async for response in call:
                    yield response
        finally:
            call.cancel()

    @contextmanager
    def _named_errors(self) -> Any:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise error_of(error, self._address) from error


async def _when_there_is_room(ask: Callable[[], Awaitable[jobs.Job]], within_s: float) -> jobs.Job:
    """Ask, and again each time that a full server says, until it has been full for `within_s`."""
    ends_at = time.monotonic() + within_s
    while True:
        try:
            return await ask()
        except ClipmillRpcError as error:
            left_s = ends_at - time.monotonic()
            if not error.is_full or left_s <= 0:
                raise
            pause_s = min(error.retry_after_s or PAUSE_S[1], left_s)
        await asyncio.sleep(pause_s)


class _Patience:
    """How long something that may pass is tried again, with growing pauses; an answer renews it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        self._ends_at = time.monotonic() + self._seconds
        self._pause_s = PAUSE_S[0]

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at

    async def pause(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 1.5, PAUSE_S[1])


def _file_of(clip: catalog.Clip, file: catalog.DownloadClipRequest.File.ValueType | str) -> BlobRef:
    if isinstance(file, str):
        return next(beside.blob for beside in clip.rendering.files if beside.suffix == file)
    files = {
        catalog.DownloadClipRequest.FILE_VIDEO: clip.rendering.video,
        catalog.DownloadClipRequest.FILE_SUBTITLES: clip.rendering.subtitles,
        catalog.DownloadClipRequest.FILE_THUMBNAIL: clip.rendering.thumbnail,
    }
    return files[file]
