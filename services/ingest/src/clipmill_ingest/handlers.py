"""Events in, changes of the ledger out; what follows from a change travels by its outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from clipmill import topics
from clipmill.catalog.v1.catalog_pb2 import CatalogChange
from clipmill.jobs.v1.jobs_pb2 import JobRequest
from clipmill_ingest.ledger import Ledger, QueueFullError
from clipmill_ingest.requests import Requests
from clipmill_shared.bus import Poison, Subscription
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event

GROUP = "ingest"
FULL_WAIT_S = 1.0


class Handlers:
    def __init__(self, ledger: Ledger, requests: Requests) -> None:
        self._ledger = ledger
        self._requests = requests

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        results = (
            topics.MEDIA_INGESTED,
            topics.AUDIO_ANALYZED,
            topics.VISION_ANALYZED,
            topics.CLIPS_SCORED,
            topics.CLIPS_RENDERED,
        )
        return (
            Subscription(topics.INGEST_REQUESTS, GROUP, self.on_request),
            *(Subscription(topic, GROUP, self.on_result) for topic in results),
            Subscription(topics.TASKS_FAILED, GROUP, self.on_failure),
            Subscription(topics.WORKERS_STATUS, GROUP, self.on_status),
            Subscription(topics.CATALOG_CHANGES, GROUP, self.on_catalog_change),
        )

    async def on_request(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """A job by event. What cannot be accepted becomes a failed job, so that the asker hears of it on
        jobs.progress; while the queue is full, requests wait in their topic."""
        request: JobRequest = event.message
        if request.owner_id != event.owner_id:
            raise Poison(f"the request is {request.owner_id}'s and the event {event.owner_id}'s")
        key = request.idempotency_key or event.id
        try:
            source, options = await self._requests.check(request.owner_id, request.source, request.options)
        except ClipmillError as error:
            refusal = error.failure("import")
            await self._ledger.submit(request.owner_id, request.source, request.options, key, refusal)
            return ()
        while True:
            try:
                await self._ledger.submit(request.owner_id, source, options, key)
                return ()
            except QueueFullError:
                await asyncio.sleep(FULL_WAIT_S)

    async def on_result(self, event: Event[Any]) -> Sequence[Event[Message]]:
        await self._ledger.take_result(event.message)
        return ()

    async def on_failure(self, event: Event[Any]) -> Sequence[Event[Message]]:
        await self._ledger.take_failure(event.message)
        return ()

    async def on_status(self, event: Event[Any]) -> Sequence[Event[Message]]:
        await self._ledger.take_status(event.message)
        return ()

    async def on_catalog_change(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """A deleted video's jobs are forgotten. Its blobs are the catalog's to erase: it knows which are shared."""
        change: CatalogChange = event.message
        if change.kind == CatalogChange.KIND_VIDEO_DELETED:
            await self._ledger.forget_video(change.owner_id, change.video_id)
        return ()
