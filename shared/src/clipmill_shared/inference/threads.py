"""Threads that compute for an event loop. A pool of concurrent.futures takes 50 us more a call.

A lone call's price is cold caches: a model of some MB drives Python itself out of them, so what counts is how little
runs on the way there and back. Hence an event descriptor (Linux), 30 us quicker than asyncio's own call from a thread.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Work = Callable[[], Any]
_Tell = Callable[[Any], None]


class Threads:
    """At most `count` calls at a time; threads are started as they are needed. For one event loop."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads: list[Thread] = []
        self._jobs: SimpleQueue[tuple[_Work, _Tell] | None] = SimpleQueue()
        self._done: deque[tuple[_Tell, Any]] = deque()
        self._open = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: Callable[[], object] = _nothing
        self._event = -1

    def submit(self, work: Callable[[], T], tell: Callable[[T | BaseException], None]) -> None:
        """Have `work` done in a thread, and `tell` told in this loop what came of it."""
        if self._loop is None:
            self._begin(asyncio.get_running_loop())
        self._open += 1
        if self._open > len(self._threads) < self._count:
            self._threads.append(Thread(target=self._run, name=f"inference-{len(self._threads)}", daemon=True))
            self._threads[-1].start()
        self._jobs.put((work, tell))

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` gives, or raises."""
        answer: asyncio.Future[T | BaseException] = asyncio.get_running_loop().create_future()
        self.submit(work, lambda outcome: None if answer.done() else answer.set_result(outcome))
        outcome = await answer
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Let the threads end, when what was submitted is done."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        if self._loop is not None and self._event >= 0:
            self._loop.remove_reader(self._event)
            os.close(self._event)
            self._event = -1
            self._tell()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        if sys.platform == "linux":
            self._event = event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            loop.add_reader(event, self._read)
            self._wake = lambda: os.eventfd_write(event, 1)
        else:
            self._wake = lambda: loop.call_soon_threadsafe(self._tell)

    def _read(self) -> None:
        os.eventfd_read(self._event)
        self._tell()

    def _tell(self) -> None:
        while self._done:
            tell, outcome = self._done.popleft()
            self._open -= 1
            tell(outcome)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, tell = job
            try:
                outcome = work()
            except BaseException as error:
                outcome = error
            self._done.append((tell, outcome))
            self._wake()
            del job, work, tell, outcome


def _nothing() -> None:
    """Nobody to wake yet."""
