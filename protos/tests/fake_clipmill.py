"""A Clipmill that answers as it is told to, and can be stopped and started."""

# ruff: noqa: N802 - gRPC names methods so

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from clipmill.audio.v1.audio_pb2 import Word
from clipmill.catalog.v1 import catalog_pb2 as catalog
from clipmill.catalog.v1.catalog_pb2_grpc import CatalogServiceServicer, add_CatalogServiceServicer_to_server
from clipmill.clips.v1.clips_pb2 import ClipHead, ScoredClip
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1 import jobs_pb2 as jobs
from clipmill.jobs.v1.jobs_pb2_grpc import IngestServiceServicer, add_IngestServiceServicer_to_server

CONTENT = bytes(range(256)) * 1000
CHUNK_BYTES = 10_000


def ref(content: bytes) -> BlobRef:
    return BlobRef(uri="blob:x", size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def clip(clip_id: str, rank: int = 1, *, rendered: bool = True) -> catalog.Clip:
    made = catalog.Rendering(video=ref(CONTENT)) if rendered else None
    head = ClipHead(clip_id=clip_id, rank=rank, score=90, title=f"Clip {clip_id}")
    return catalog.Clip(job_id="j1", scored=ScoredClip(head=head), rendering=made)


class FakeClipmill(IngestServiceServicer, CatalogServiceServicer):
    """Serves one job, whose history is `history`; a list of answers is given one a call, the last for ever."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.history = [jobs.Job(job_id="j1", state=jobs.JOB_STATE_RUNNING, progress=n / 10) for n in range(5)]
        self.watched_after: list[int] = []
        self.grown = asyncio.Event()
        self.clips: list[list[catalog.Clip]] = [[]]
        self.transcripts: list[catalog.GetTranscriptResponse] = [catalog.GetTranscriptResponse(complete=True)]
        self.content = CONTENT
        # The bytes after which a download breaks, one a call.
        self.breaks: list[int] = []
        self.offsets: list[int] = []
        self.uploads: list[jobs.UploadVideoRequest] = []
        self.assets: list[jobs.UploadAssetRequest] = []
        # How often the queue is still full, and for how long it says that it is.
        self.full = 0
        self.full_for_s = 0.05
        self.asked = 0
        self.authorization: str | bytes | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server()
        add_IngestServiceServicer_to_server(self, self._server)
        add_CatalogServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(self.address)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    def finish(self, *clip_ids: str) -> None:
        self.history.append(jobs.Job(job_id="j1", state=jobs.JOB_STATE_COMPLETED, progress=1, clip_ids=clip_ids))
        self.grown.set()

    async def WatchJob(self, request: jobs.WatchJobRequest, context: Any) -> AsyncIterator[jobs.WatchJobResponse]:
        if request.job_id != "j1":
            await refuse(context)
        self.watched_after.append(request.after_sequence)
        sequence = request.after_sequence
        while True:
            while sequence < len(self.history):
                sequence += 1
                job = self.history[sequence - 1]
                yield jobs.WatchJobResponse(progress=jobs.JobProgress(sequence=sequence, job=job))
                if job.state == jobs.JOB_STATE_COMPLETED:
                    return
            await self.grown.wait()

    async def SubmitVideo(self, request: jobs.SubmitVideoRequest, context: Any) -> jobs.SubmitVideoResponse:
        self.authorization = dict(context.invocation_metadata()).get("authorization")
        self.asked += 1
        if self.full:
            self.full -= 1
            await refuse_full(context, self.full_for_s)
        return jobs.SubmitVideoResponse(job=self.history[0])

    async def UploadVideo(self, request_iterator: AsyncIterator[jobs.UploadVideoRequest], context: Any) -> Any:
        self.uploads = [request async for request in request_iterator]
        return jobs.UploadVideoResponse(job=self.history[0])

    async def UploadAsset(self, request_iterator: AsyncIterator[jobs.UploadAssetRequest], context: Any) -> Any:
        self.assets = [request async for request in request_iterator]
        return jobs.UploadAssetResponse(asset=ref(b"".join(request.content for request in self.assets)))

    async def GetJob(self, request: jobs.GetJobRequest, context: Any) -> jobs.GetJobResponse:
        if request.job_id == "bare":
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no such method")
        if request.job_id == "slow":
            await asyncio.sleep(60)
        await refuse(context)
        raise AssertionError

    async def ListJobs(self, request: jobs.ListJobsRequest, context: Any) -> jobs.ListJobsResponse:
        page = int(request.page_token or 0)
        return jobs.ListJobsResponse(
            jobs=[jobs.Job(job_id=f"j{page}")], next_page_token=str(page + 1) if page < 2 else ""
        )

    async def ListClips(self, request: catalog.ListClipsRequest, context: Any) -> catalog.ListClipsResponse:
        return catalog.ListClipsResponse(clips=_next(self.clips))

    async def GetTranscript(self, request: catalog.GetTranscriptRequest, context: Any) -> Any:
        return _next(self.transcripts)

    async def DownloadClip(
        self, request: catalog.DownloadClipRequest, context: Any
    ) -> AsyncIterator[catalog.DownloadClipResponse]:
        self.offsets.append(request.offset)
        yield catalog.DownloadClipResponse(header=ref(CONTENT))
        breaks_at = self.breaks.pop(0) if self.breaks else len(self.content)
        for start in range(request.offset, breaks_at, CHUNK_BYTES):
            yield catalog.DownloadClipResponse(content=self.content[start : min(start + CHUNK_BYTES, breaks_at)])
        if breaks_at < len(self.content):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "broken")


def words(*texts: str, complete: bool) -> catalog.GetTranscriptResponse:
    return catalog.GetTranscriptResponse(language="en", words=[Word(text=text) for text in texts], complete=complete)


async def refuse(context: Any) -> None:
    """Fail as Clipmill's servers do."""
    detail = AnyMessage()
    detail.Pack(ErrorInfo(reason="JOB_NOT_FOUND", domain="clipmill", metadata={"remedy": "List your jobs."}))
    status = Status(code=grpc.StatusCode.NOT_FOUND.value[0], message="There is no such job.", details=[detail])
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode.NOT_FOUND, status.message, metadata)


async def refuse_full(context: Any, for_s: float) -> None:
    """Refuse as a server does whose queue is full."""
    info, retry = AnyMessage(), RetryInfo()
    info.Pack(ErrorInfo(reason="QUEUE_FULL", domain="clipmill", metadata={"remedy": "Come again."}))
    retry.retry_delay.FromMilliseconds(round(1000 * for_s))
    when = AnyMessage()
    when.Pack(retry)
    status = Status(code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], message="Full.", details=[info, when])
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, status.message, metadata)


def _next(answers: list[Any]) -> Any:
    return answers.pop(0) if len(answers) > 1 else answers[0]
