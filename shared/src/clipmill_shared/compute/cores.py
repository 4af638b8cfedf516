"""How much of the machine is ours, and who works on it."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """Cores that all heavy work of a process shares: at most `count` calls work at a time.

    Four busy children on two cores take a tenth longer than two after two. Beside the first work, what will be needed
    later is prepared (`beside`), a step at a time: between two stages all cores would wait for it.
    """

    def __init__(self, count: int | None = None) -> None:
        self._free = asyncio.Semaphore(count or usable_cores())
        self._preparations: deque[Callable[[], Awaitable[None]]] = deque()
        self._preparing: asyncio.Task[None] | None = None

    def beside(self, preparation: Callable[[], Awaitable[None]]) -> None:
        """Have this done once, when work has begun."""
        self._preparations.append(preparation)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a core."""
        async with self._free:
            if self._preparations and (self._preparing is None or self._preparing.done()):
                self._preparing = asyncio.create_task(self._prepare())
            yield

    async def _prepare(self) -> None:
        while self._preparations:
            await self._preparations.popleft()()
