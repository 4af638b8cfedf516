"""A worker's places for tasks, and what it does with a task that may have ended a worker before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress

from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.errors import ClipmillError
from clipmill_shared.object_store import BlobsUnavailableError

# How often an attempt is begun whose worker goes away each time.
MAX_STARTS = 3


class Places:
    """As many tasks side by side as there are `slots`.

    Each start is noted in the object store until it has ended. A task with a note was begun before and never ended, as
    its process did not either: it gets all the places, so that it takes no other task with it if it is what ends
    processes; and after MAX_STARTS it is given up, or a worker that is always started anew would never get on.
    """

    def __init__(self, slots: int, blobs: Blobs, part: str) -> None:
        self._slots = slots
        self._blobs = blobs
        self._part = part
        self._free = asyncio.Semaphore(slots)
        # Those that want all places come one after another.
        self._suspects = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, task: Task) -> AsyncIterator[None]:
        """A place, or all. Error: WORKER_LOST for a task that is given up."""
        name = f"started-{task.task_id}-{task.attempt}"
        is_suspect = await self._is_noted(task, name)
        async with self._suspects if is_suspect else nullcontext():
            taken = 0
            note: str | None = None
            try:
                for _ in range(self._slots if is_suspect else 1):
                    await self._free.acquire()
                    taken += 1
                note = await self._note(task, name)
                yield
            finally:
                for _ in range(taken):
                    self._free.release()
                if note is not None:
                    with suppress(BlobsUnavailableError):
                        await asyncio.shield(self._blobs.delete_record(task.owner_id, note))

    async def _is_noted(self, task: Task, name: str) -> bool:
        # While the store is away nothing is known, and the work itself waits for it.
        with suppress(BlobsUnavailableError):
            return await self._blobs.read_record(task.owner_id, f"{name}-1", Task) is not None
        return False

    async def _note(self, task: Task, name: str) -> str | None:
        """Note one more start; the note's name. None while the store is away."""
        try:
            for number in range(1, MAX_STARTS + 1):
                note = f"{name}-{number}"
                if await self._blobs.keep_record(task.owner_id, note, task) is task:
                    return note
        except BlobsUnavailableError:
            return None
        raise ClipmillError(
            "WORKER_LOST",
            f"A task of the part {self._part} was begun {MAX_STARTS} times, and each time its worker went away.",
            "Give the worker more memory; if it happens with this video alone, please report it with the log.",
        )
