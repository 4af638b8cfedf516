"""Erases what live sources were recorded into once nobody needs it: a job that has ended has the whole in one file."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.media.v1.media_pb2 import RecordedPart
from clipmill_ingest.store import Store
from clipmill_shared.blobs import Blobs
from clipmill_shared.sql import Database

SWEEP_EVERY_S = 10.0


class SpentParts:
    """Content that is recorded by another open job of the same owner stays until that one has ended."""

    def __init__(self, database: Database, store: Store, blobs: Blobs) -> None:
        self._database = database
        self._store = store
        self._blobs = blobs

    async def sweep(self) -> None:
        """Erase the parts of ended jobs, for ever."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            await self.sweep_once()

    async def sweep_once(self) -> None:
        # Blobs first: what a crash leaves is erased again.
        async with self._database.reading() as on:
            spent = await self._store.spent_parts(on)
            in_use = {owner: await self._store.parts_in_use(on, owner) for owner in {owner for _, owner, _ in spent}}
        for _, owner_id, blob in spent:
            if blob.sha256 not in in_use[owner_id]:
                await self._blobs.delete(blob)
        if spent:
            async with self._database.transaction() as on:
                await self._store.drop_parts(on, [task_id for task_id, _, _ in spent])

    async def erase_of(self, on: AsyncConnection, owner_id: str, job_ids: Collection[str]) -> None:
        """Erase the parts of jobs that have just been cancelled, and are about to be forgotten."""
        in_use = await self._store.parts_in_use(on, owner_id)
        for _, _, blob in await self._store.parts_of(on, job_ids):
            if blob.sha256 not in in_use:
                await self._blobs.delete(blob)

    async def erase_refused(self, part: RecordedPart) -> None:
        """Erase a part that no job has taken."""
        async with self._database.reading() as on:
            in_use = await self._store.parts_in_use(on, part.task.owner_id)
        if part.blob.sha256 not in in_use:
            await self._blobs.delete(part.blob)
