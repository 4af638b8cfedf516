"""What the catalog says again when the broker has lost what was said: which videos are to be forgotten."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import func, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.catalog.v1.catalog_pb2 import CatalogChange
from clipmill_catalog.tables import jobs
from clipmill_shared.bus.contract import LogId
from clipmill_shared.events import Event, event_id
from clipmill_shared.outbox import Outbox

# Longer than any reader is away unnoticed.
DELETED_S = 24 * 3600.0


class Redrive:
    """Called, within the transaction that finds it, with each topic whose log is another than the one that was read.

    The results come again from ingest. A deletion that it has not read must reach it too, or it would go on with a
    video that its owner has deleted; those of the last day are published again, unless the video is back.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def __call__(self, on: AsyncConnection, lost: LogId) -> None:
        if lost.topic != topics.MEDIA_INGESTED.name:
            return
        live = jobs.alias()
        is_back = (
            select(live.c.job_id)
            .where(live.c.owner_id == jobs.c.owner_id, live.c.video_id == jobs.c.video_id, live.c.erased_at.is_(None))
            .correlate(jobs)
            .exists()
        )
        query = (
            select(jobs.c.owner_id, jobs.c.video_id, func.max(jobs.c.erased_at).label("erased_at"))
            .where(jobs.c.erased_at >= time.time() - DELETED_S, not_(is_back))
            .group_by(jobs.c.owner_id, jobs.c.video_id)
        )
        for row in (await on.execute(query)).all():
            kind = CatalogChange.KIND_VIDEO_DELETED
            change = CatalogChange(owner_id=row.owner_id, video_id=row.video_id, kind=kind)
            name = event_id(row.owner_id, row.video_id, "deleted", str(row.erased_at))
            at = datetime.fromtimestamp(row.erased_at, UTC)
            await self._outbox.add(on, Event(topics.CATALOG_CHANGES, change, name, row.owner_id, "/catalog", at))
