"""Events in, changes of the ledger out; what follows from a change travels by its outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from clipmill import topics
from clipmill.catalog.v1.catalog_pb2 import CatalogChange
from clipmill.jobs.v1.jobs_pb2 import JobRequest
from clipmill.topic import Topic
from clipmill_ingest.ledger import Ledger, QueueFullError
from clipmill_ingest.requests import Requests, check_key
from clipmill_shared.askers import Askers
from clipmill_shared.bus import Handler, Offsets, Subscription
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event

GROUP = "ingest"
FULL_WAIT_S = 1.0


class Handlers:
    def __init__(self, ledger: Ledger, requests: Requests, askers: Askers, offsets: Offsets | None = None) -> None:
        self._ledger = ledger
        self._requests = requests
        self._askers = askers
        self._offsets = offsets

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
            self._kept(topics.INGEST_REQUESTS, self.on_request),
            *(self._kept(topic, self.on_result) for topic in results),
            self._kept(topics.MEDIA_PARTS, self.on_part),
            self._kept(topics.CLIPS_PREVIEWED, self.on_result),
            self._kept(topics.TASKS_FAILED, self.on_failure),
            # Said again each second, and worth nothing later: its offset would be most of what is written.
            Subscription(topics.WORKERS_STATUS, GROUP, self.on_status),
            self._kept(topics.CATALOG_CHANGES, self.on_catalog_change),
        )

    def _kept(self, topic: Topic, handler: Handler) -> Subscription:
        """A subscription whose offsets are kept with the ledger."""
        return Subscription(topic, GROUP, handler, offsets=self._offsets)

    async def on_request(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """A job by event. Who asks hears on jobs.progress what comes of it, also when it cannot be accepted; while the
        queue is full, requests wait in their topic."""
        request: JobRequest = event.message
        key = request.idempotency_key or event.id
        try:
            owner_id = self._askers.owner_of(event)
            check_key(key)
        except ClipmillError as error:
            # Not a job: it would use up a key, or a place in a list, of an owner who may never have asked.
            await self._ledger.refuse_request(event, key, error.failure("import"))
            return ()
        asked = JobRequest(owner_id=owner_id, source=request.source, options=request.options)
        try:
            source, options = await self._requests.check(owner_id, request.source, request.options)
        except ClipmillError as error:
            await self._ledger.take_request(event, asked, key, error.failure("import"))
            return ()
        checked = JobRequest(owner_id=owner_id, source=source, options=options)
        while True:
            try:
                await self._ledger.take_request(event, checked, key)
                return ()
            except QueueFullError:
                await asyncio.sleep(FULL_WAIT_S)

    async def on_result(self, event: Event[Any]) -> Sequence[Event[Message]]:
        await self._ledger.take_result(event.message, event)
        return ()

    async def on_part(self, event: Event[Any]) -> Sequence[Event[Message]]:
        await self._ledger.take_part(event.message, event)
        return ()

    async def on_failure(self, event: Event[Any]) -> Sequence[Event[Message]]:
        await self._ledger.take_failure(event.message, event)
        return ()

    async def on_status(self, event: Event[Any]) -> Sequence[Event[Message]]:
        await self._ledger.take_status(event.message)
        return ()

    async def on_catalog_change(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """A deleted video's jobs are forgotten. Its blobs are the catalog's to erase: it knows which are shared."""
        change: CatalogChange = event.message
        if change.kind == CatalogChange.KIND_VIDEO_DELETED:
            await self._ledger.forget_video(change.owner_id, change.video_id, event)
        return ()
