"""IngestService: gRPC in, ledger out. ClipmillErrors become statuses in the server's interceptor."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from clipmill.jobs.v1 import jobs_pb2 as pb
from clipmill.jobs.v1.jobs_pb2_grpc import IngestServiceServicer
from clipmill.media.v1.media_pb2 import Source
from clipmill_ingest.ledger import Ledger
from clipmill_ingest.pace import Pace
from clipmill_ingest.requests import Requests, check_key
from clipmill_ingest.store import Place, Store
from clipmill_ingest.uploads import Uploads
from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc.auth import owner_of
from clipmill_shared.sql import Database

DEFAULT_PAGE = 100
MAX_PAGE = 1000
WATCH_BATCH = 100
# A watcher looks by itself as well: another process may have written.
WATCH_EVERY_S = 1.0


class IngestServicer(IngestServiceServicer):
    def __init__(
        self, database: Database, store: Store, ledger: Ledger, requests: Requests, *, uploads: Uploads, pace: Pace
    ) -> None:
        self._database = database
        self._store = store
        self._ledger = ledger
        self._requests = requests
        self._uploads = uploads
        self._pace = pace

    async def SubmitVideo(self, request: pb.SubmitVideoRequest, context: Any) -> pb.SubmitVideoResponse:  # noqa: N802
        owner_id = owner_of(context)
        key = check_key(request.idempotency_key)
        await self._pace.take(owner_id)
        source, options = await self._requests.check(owner_id, request.source, request.options, request.transcript)
        return pb.SubmitVideoResponse(job=await self._ledger.submit(owner_id, source, options, key))

    async def UploadVideo(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.UploadVideoRequest], context: Any
    ) -> pb.UploadVideoResponse:
        owner_id = owner_of(context)
        header = await self._uploads.header(request_iterator)
        key = check_key(header.idempotency_key)
        await self._requests.check_options(header.options, header.transcript)
        # Before the bytes come: a refusal costs nobody an upload.
        await self._pace.take(owner_id)
        await self._ledger.room_for(owner_id, key)
        ref = await self._uploads.receive(owner_id, header, request_iterator)
        source = Source(upload=ref, name=header.name)
        source, options = await self._requests.check(owner_id, source, header.options, header.transcript)
        return pb.UploadVideoResponse(job=await self._ledger.submit(owner_id, source, options, key))

    async def UploadAsset(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.UploadAssetRequest], context: Any
    ) -> pb.UploadAssetResponse:
        owner_id = owner_of(context)
        await self._pace.take(owner_id)
        return pb.UploadAssetResponse(asset=await self._uploads.receive_asset(owner_id, request_iterator))

    async def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.GetJobResponse:  # noqa: N802
        async with self._database.reading() as on:
            job = await self._store.find(on, owner_of(context), request.job_id)
        if job is None:
            raise _no_job(request.job_id)
        return pb.GetJobResponse(job=job)

    async def WatchJob(  # noqa: N802
        self, request: pb.WatchJobRequest, context: Any
    ) -> AsyncIterator[pb.WatchJobResponse]:
        owner_id = owner_of(context)
        after = request.after_sequence
        while True:
            changed = self._ledger.changed.next
            async with self._database.reading() as on:
                told = await self._store.told(on, owner_id, request.job_id)
                if told is None:
                    raise _no_job(request.job_id)
                length, is_open = told
                # A token of 0, or from nowhere, begins with the present state.
                after = length - 1 if after == 0 or after > length else after
                events = (
                    await self._store.history_after(on, owner_id, request.job_id, after, WATCH_BATCH)
                    if length > after
                    else ()
                )
            for progress in events:
                after = progress.sequence
                yield pb.WatchJobResponse(progress=progress)
            if after >= length and not is_open:
                return
            if len(events) < WATCH_BATCH:
                await _wait(changed, WATCH_EVERY_S)

    async def ListJobs(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:  # noqa: N802
        size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        async with self._database.reading() as on:
            jobs = await self._store.page(on, owner_of(context), list(request.states), _place(request.page_token), size)
        token = _token(jobs[-1]) if len(jobs) == size else ""
        return pb.ListJobsResponse(jobs=jobs, next_page_token=token)

    async def CancelJob(self, request: pb.CancelJobRequest, context: Any) -> pb.CancelJobResponse:  # noqa: N802
        job = await self._ledger.cancel(owner_of(context), request.job_id)
        if job is None:
            raise _no_job(request.job_id)
        return pb.CancelJobResponse(job=job)

    async def EndInput(self, request: pb.EndInputRequest, context: Any) -> pb.EndInputResponse:  # noqa: N802
        job = await self._ledger.end_input(owner_of(context), request.job_id)
        if job is None:
            raise _no_job(request.job_id)
        return pb.EndInputResponse(job=job)


async def _wait(event: asyncio.Event, at_most_s: float) -> None:
    # Not wait_for: in Python 3.11 it loses a cancel that comes together with the event.
    with suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()


def _no_job(job_id: str) -> ClipmillError:
    return ClipmillError("JOB_NOT_FOUND", f"There is no job {job_id[:100]}.", "ListJobs names your jobs.")


def _token(job: pb.Job) -> str:
    created_at = job.created_at.ToNanoseconds() / 1e9
    return base64.urlsafe_b64encode(f"{created_at!r} {job.job_id}".encode()).decode()


def _place(token: str) -> Place | None:
    if not token:
        return None
    try:
        created_at, job_id = base64.urlsafe_b64decode(token).decode().split(" ")
        return Place(float(created_at), job_id)
    except ValueError:
        raise ClipmillError("INVALID_PAGE_TOKEN", "The page token is not one of ours.", "Begin anew.") from None
