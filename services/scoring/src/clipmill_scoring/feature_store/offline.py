"""Files of features in an object store or a folder: a file a job, below its owner and video, as any tool reads it.

entity=clip/owner_id=ann/video_id=v1/j1.parquet, entity=candidate/..., and dead_letters/owner_id=.../...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore

from clipmill_scoring.domain.history import Rows
from clipmill_scoring.feature_store.parquet import unpacked
from clipmill_shared.object_store import Faults, store_of

DEAD_LETTERS = "dead_letters"


def table_of(entity: str) -> str:
    """Where an entity's files lie."""
    return f"entity={entity}"


class Offline:
    """Errors of all: BLOBS_UNAVAILABLE, BLOBS_REFUSED, DISK_FULL."""

    def __init__(self, url: str, scratch: Path) -> None:
        self._store: ObjectStore = store_of(url)
        self._faults = Faults(self._store, scratch)

    async def add(self, table: str, owner_id: str, video_id: str, job_id: str, content: bytes) -> bool:
        """Keep a job's file; False when there is one: a result that comes again changes nothing, also not its time."""
        path = f"{_folder(table, owner_id, video_id)}{_safe(job_id)}.parquet"
        try:
            with self._faults:
                await obstore.put_async(self._store, path, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    async def forget(self, table: str, owner_id: str, video_id: str, job_id: str) -> None:
        """Erase a job's file."""
        await self._delete(f"{_folder(table, owner_id, video_id)}{_safe(job_id)}.parquet")

    async def rows(self, table: str, owner_id: str, video_id: str, clip_ids: Collection[str]) -> Rows:
        """All that is kept of some clips of a video. One file is held at a time."""
        parts: list[Rows] = []
        async for path, _ in self._files(_folder(table, owner_id, video_id)):
            with suppress(FileNotFoundError), self._faults:
                content = bytes(await (await obstore.get_async(self._store, path)).bytes_async())
                parts.append(await asyncio.to_thread(unpacked, content, clip_ids))
        return Rows.of(parts)

    async def erase(self, tables: Collection[str], owner_id: str, video_id: str) -> None:
        """Erase all that is kept of a video."""
        for table in tables:
            async for path, _ in self._files(_folder(table, owner_id, video_id)):
                await self._delete(path)

    async def prune(self, tables: Collection[str], before: datetime) -> None:
        """Erase the tables' files that were written before a time; what others keep beside them stays."""
        for table in tables:
            async for path, written_at in self._files(f"{table}/"):
                if written_at < before:
                    await self._delete(path)

    async def _files(self, prefix: str) -> AsyncIterator[tuple[str, datetime]]:
        """Listed a thousand at a time, as they come."""
        with self._faults:
            async for chunk in obstore.list(self._store, prefix, chunk_size=1000):
                for each in chunk:
                    yield each["path"], each["last_modified"]

    async def _delete(self, path: str) -> None:
        with suppress(FileNotFoundError), self._faults:
            await obstore.delete_async(self._store, path)


def _folder(table: str, owner_id: str, video_id: str) -> str:
    return f"{table}/owner_id={_safe(owner_id)}/video_id={_safe(video_id)}/"


def _safe(name: str) -> str:
    """As a part of a path that leads nowhere else; what readers undo."""
    return quote(name, safe="@+-_").replace(".", "%2E")
