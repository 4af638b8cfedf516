"""A member of a group: runs a subscription's handler over the records that its backend delivers.

Both backends stand on this, so that order, retries, dead letters and commits are one behaviour.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import structlog

from clipmill_shared.bus import metrics, tracing
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.contract import Fenced, Poison, Subscription
from clipmill_shared.bus.progress import Progress
from clipmill_shared.events import Event

log = structlog.get_logger()
# A member takes this many records at most from its backend, so that a stuck key leaves room for others.
WINDOW = 500
# A cancelled handler that does not end is left behind after this long.
CANCEL_S = 5.0

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Delivery(Generic[R]):
    """A record on its way to a handler; `raw` is the backend's own."""

    partition: int
    offset: int
    key: str
    raw: R
    # Under which claim it is handled, and from where on it is the first record; see Position.
    epoch: int = 0
    since: int = 0


@dataclass(slots=True, eq=False)
class _Held(Generic[R]):
    """A delivery that is not finished: waiting in a lane, ready, running, or waiting for its next attempt."""

    delivery: Delivery[R]
    attempt: int = 0
    running: asyncio.Task[None] | None = None
    retry: asyncio.TimerHandle | None = None
    # Its partition was taken away while it ran.
    released: bool = False


@dataclass(frozen=True)
class Backend(Generic[R]):
    """What a member needs of its bus. `load` raises Poison for what is no event; `finished` must not block.

    `record` keeps that a delivery is finished, and raises Fenced when its partition is another's; `fenced` hears of it.
    """

    load: Callable[[Delivery[R]], Event[Any]]
    publish: Callable[..., Awaitable[None]]
    bury: Callable[[Delivery[R], Exception, int], Awaitable[None]]
    finished: Callable[[int], None]
    record: Callable[[Delivery[R]], Awaitable[None]] | None = None
    fenced: Callable[[int], None] = lambda _partition: None


class Member(Generic[R]):
    """Handles at most `max_in_flight` records at a time, and at most one of a key where the topic is ordered.

    A record that waits for its next attempt takes no place; on an ordered topic it holds back its key.
    """

    def __init__(self, subscription: Subscription, backend: Backend[R], backoff: Backoff) -> None:
        self.subscription = subscription
        self._backend = backend
        self._backoff = backoff
        self._attributes = {"topic": subscription.topic.name, "group": subscription.group}
        self._progress: dict[int, Progress] = {}
        self._held: dict[tuple[int, int], _Held[R]] = {}
        self._ready: deque[_Held[R]] = deque()
        # A key is in here while one of its records is ready, running or waiting; the others queue behind it.
        self._lanes: dict[tuple[int, str], deque[_Held[R]]] = {}
        self._running = 0
        self._leaving: set[int] = set()
        # A handler runs in the surroundings of its member, not in those of whoever published or finished last.
        self._context = contextvars.copy_context()

    @property
    def held(self) -> int:
        """Records delivered and not finished."""
        return len(self._held)

    @property
    def room(self) -> int:
        """How many more records may be delivered now."""
        return WINDOW - len(self._held)

    def positions(self) -> dict[int, int]:
        """By partition, the offset that may be committed; partitions with nothing finished are absent."""
        return {p: at for p, progress in self._progress.items() if (at := progress.position) is not None}

    def position(self, partition: int) -> int | None:
        progress = self._progress.get(partition)
        return progress.position if progress else None

    def deliver(self, delivery: Delivery[R]) -> None:
        """Take a record over; in rising order of offsets within a partition."""
        partition, offset = delivery.partition, delivery.offset
        if partition in self._leaving:
            return
        progress = self._progress.get(partition)
        if progress is None:
            progress = self._progress[partition] = Progress()
        progress.delivered(offset)
        earlier = self._held.get((partition, offset))
        if earlier is not None:
            # The partition went and came back while this record was being handled: one handling is enough.
            earlier.released = False
            return
        held = _Held(delivery)
        self._held[partition, offset] = held
        if self.subscription.topic.ordered:
            lane = (partition, delivery.key)
            if lane in self._lanes:
                self._lanes[lane].append(held)
                return
            self._lanes[lane] = deque()
        self._ready.append(held)
        self._start()

    def skip(self, partition: int, offset: int) -> None:
        """Count a record as finished that was so before it was delivered."""
        progress = self._progress.setdefault(partition, Progress())
        progress.delivered(offset)
        progress.finished(offset)

    async def release(self, partitions: Collection[int] | None, wait_s: float, *, cancel: bool) -> dict[int, int]:
        """Give partitions (None: all) back; returns the positions to commit for them.

        Records that nobody handles yet are dropped. Running ones get `wait_s`; after it they are cancelled on an
        ordered topic or with `cancel`, and else run on: their outcome counts, their offset is another's.
        """
        gone = set(self._progress if partitions is None else partitions)
        running: list[_Held[R]] = []
        for place, held in list(self._held.items()):
            if held.delivery.partition not in gone and partitions is not None:
                continue
            if held.running is not None:
                running.append(held)
                continue
            if held.retry is not None:
                held.retry.cancel()
            del self._held[place]
        self._ready = deque(
            held for held in self._ready if (held.delivery.partition, held.delivery.offset) in self._held
        )
        kept = {(held.delivery.partition, held.delivery.key) for held in running}
        for lane in [lane for lane in self._lanes if lane[0] in gone]:
            if lane in kept:
                self._lanes[lane].clear()
            else:
                del self._lanes[lane]
        self._leaving |= gone
        await self._await(running, wait_s, cancel=cancel or self.subscription.topic.ordered)
        self._leaving -= gone
        positions = {p: at for p, at in self.positions().items() if p in gone}
        for partition in gone:
            self._progress.pop(partition, None)
        for held in running:
            held.released = True
        return positions

    async def _await(self, running: list[_Held[R]], wait_s: float, *, cancel: bool) -> None:
        tasks = [held.running for held in running if held.running is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=wait_s)
        if not late or not cancel:
            return
        for task in late:
            task.cancel()
        _, stuck = await asyncio.wait(late, timeout=CANCEL_S)
        if stuck:
            log.error("handlers ignore that they were cancelled", **self._attributes, count=len(stuck))

    def _start(self) -> None:
        while self._ready and self._running < self.subscription.max_in_flight:
            held = self._ready.popleft()
            self._running += 1
            held.running = asyncio.create_task(self._run(held), context=self._context.copy())

    async def _run(self, held: _Held[R]) -> None:
        """One attempt, and what follows from it."""
        held.attempt += 1
        began = time.perf_counter()
        finished = False
        try:
            finished = await self._attempt(held)
        finally:
            # Also when cancelled: the place is free then, and the record unfinished.
            metrics.HANDLING_S.record(time.perf_counter() - began, self._attributes)
            self._running -= 1
            held.running = None
            if finished or held.released or held.delivery.partition in self._leaving:
                self._leave(held, finished=finished)
            else:
                held.retry = asyncio.get_running_loop().call_later(
                    self._backoff.delay_s(held.attempt), self._again, held
                )
            self._start()

    async def _attempt(self, held: _Held[R]) -> bool:
        """True when the record needs no further handling."""
        try:
            event = replace(self._backend.load(held.delivery), attempt=held.attempt)
            with tracing.handling(event, self.subscription.group):
                outputs = await self.subscription.handler(event)
                if outputs:
                    await self._backend.publish(*outputs)
                if self._backend.record is not None:
                    await self._backend.record(held.delivery)
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            return await self._failed(held, RuntimeError(f"the handler was cancelled from within: {error}"))
        except Exception as error:
            return await self._failed(held, error)
        metrics.HANDLED.add(1, self._attributes)
        return True

    async def _failed(self, held: _Held[R], error: Exception) -> bool:
        """True when the record was given up."""
        delivery = held.delivery
        place = {**self._attributes, "partition": delivery.partition, "offset": delivery.offset}
        if isinstance(error, Fenced):
            return self._fenced(held)
        if not isinstance(error, Poison) and held.attempt < self.subscription.max_attempts:
            metrics.RETRIED.add(1, self._attributes)
            log.warning("a handler failed and will be called again", **place, attempt=held.attempt, error=repr(error))
            return False
        # Where poison was found says nothing beyond its reason; any other failure may be a fault of ours.
        trace = None if isinstance(error, Poison) else error
        log.error("a record goes to the dead letters", **place, attempt=held.attempt, error=repr(error), exc_info=trace)
        failures, buried = 0, False
        while True:
            try:
                if not buried:
                    await self._backend.bury(delivery, error, held.attempt)
                    buried = True
                if self._backend.record is not None:
                    await self._backend.record(delivery)
                break
            except Fenced:
                return self._fenced(held)
            except Exception as trouble:
                # Giving it up for good would lose it, and going on would commit past it.
                failures += 1
                log.error("the dead letters cannot be written", **place, exc_info=trouble)
                await asyncio.sleep(self._backoff.delay_s(failures))
        metrics.DEAD_LETTERED.add(1, self._attributes)
        return True

    def _fenced(self, held: _Held[R]) -> bool:
        """Another has the partition; its backend is to take it from this member."""
        held.released = True
        self._backend.fenced(held.delivery.partition)
        return False

    def _again(self, held: _Held[R]) -> None:
        held.retry = None
        self._ready.append(held)
        self._start()

    def _leave(self, held: _Held[R], *, finished: bool) -> None:
        delivery = held.delivery
        self._held.pop((delivery.partition, delivery.offset), None)
        if self.subscription.topic.ordered:
            lane = (delivery.partition, delivery.key)
            if behind := self._lanes.get(lane):
                self._ready.append(behind.popleft())
            else:
                self._lanes.pop(lane, None)
        if finished and not held.released:
            self._progress[delivery.partition].finished(delivery.offset)
            self._backend.finished(delivery.partition)
