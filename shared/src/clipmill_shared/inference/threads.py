"""Threads that compute for an event loop. A pool of concurrent.futures takes 20 us more a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
_Job = Callable[[], None]


class Threads:
    """At most `count` calls at a time; threads are started as they are needed."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads: list[Thread] = []
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._open = 0

    def submit(self, work: Callable[[], T], tell: Callable[[T | BaseException], None]) -> None:
        """Have `work` done in a thread, and `tell` told in this loop what came of it."""
        loop = asyncio.get_running_loop()

        def done(outcome: T | BaseException) -> None:
            self._open -= 1
            tell(outcome)

        def job() -> None:
            try:
                outcome: T | BaseException = work()
            except BaseException as error:
                outcome = error
            loop.call_soon_threadsafe(done, outcome)

        self._open += 1
        if self._open > len(self._threads) < self._count:
            self._threads.append(Thread(target=self._run, name=f"inference-{len(self._threads)}", daemon=True))
            self._threads[-1].start()
        self._jobs.put(job)

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

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job
