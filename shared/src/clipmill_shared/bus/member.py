"""A member of a group: runs a subscription's handler over the records that its backend delivers.

Both backends stand on this, so that order, retries, dead letters and commits are one behaviour.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from clipmill_shared.bus import metrics, tracing
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.contract import Fenced, Poison, Subscription
from clipmill_shared.bus.progress import Progress
from clipmill_shared.bus.steps import resumed
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event

log = structlog.get_logger()
# A member takes this many records at most from its backend, so that a stuck key leaves room for others.
WINDOW = 500
# A cancelled handler that does not end is left behind after this long.
CANCEL_S = 5.0
# Records that are handled without waiting leave the event loop to others after this long.
TURN_S = 0.005
# A handling that did not wait and was quicker is counted, not timed: timing it would cost more than it took.
INSTANT_S = 0.001

R = TypeVar("R")


class Delivery(NamedTuple, Generic[R]):
    """A record on its way to a handler; `raw` is the backend's own."""

    partition: int
    offset: int
    key: str | bytes | None
    raw: R
    # Under which claim it is handled, and from where on it is the first record; see Position.
    epoch: int = 0
    since: int = 0


class _Held(Generic[R]):
    """A delivery that is being handled, or held back: it waits in its key's lane or for its next attempt."""

    __slots__ = ("attempt", "delivery", "ended", "is_kept", "released", "retry", "running")

    def __init__(self, delivery: Delivery[R]) -> None:
        self.delivery = delivery
        self.attempt = 0
        # It did not end at once: the member has it in its books.
        self.is_kept = False
        # The task in which it waits; `ended` is made by who wants to know.
        self.running: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[None] | None = None
        self.retry: asyncio.TimerHandle | None = None
        # Its partition was taken away while it ran.
        self.released = False


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
        self._handled = metrics.HANDLED.of(**self._attributes)
        self._progress: dict[int, Progress] = {}
        # Not begun; their keys' order is that in which they came.
        self._fresh: deque[Delivery[R]] = deque()
        self._held: dict[tuple[int, int], _Held[R]] = {}
        self._ready: deque[_Held[R]] = deque()
        # A key is in here while one of its records is held; the others queue behind it.
        self._lanes: dict[tuple[int, str | bytes | None], deque[_Held[R]]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._waiting_workers = 0
        # Who waits for fewer records to be held than this.
        self._draining: tuple[int, asyncio.Future[None]] | None = None
        self._leaving: set[int] = set()
        # A handler runs in the surroundings of its member, not in those of whoever published or finished last.
        self._context = tracing.surroundings()

    @property
    def held(self) -> int:
        """Records delivered and not finished."""
        return len(self._held) + len(self._fresh)

    @property
    def room(self) -> int:
        """How many more records may be delivered now."""
        return WINDOW - self.held

    def positions(self) -> dict[int, int]:
        """By partition, the offset that may be committed; partitions with nothing finished are absent."""
        return {p: at for p, progress in self._progress.items() if (at := progress.position) is not None}

    def position(self, partition: int) -> int | None:
        progress = self._progress.get(partition)
        return progress.position if progress else None

    def deliver(self, *deliveries: Delivery[R]) -> None:
        """Take records of one partition over; in rising order of offsets, or ValueError."""
        partition = deliveries[0].partition
        if partition in self._leaving:
            return
        progress = self._progress.get(partition)
        if progress is None:
            progress = self._progress[partition] = Progress()
        progress.delivered(*[delivery.offset for delivery in deliveries])
        for delivery in deliveries:
            if self._held and (earlier := self._held.get((partition, delivery.offset))):
                # The partition went and came back while this record was being handled: one handling is enough.
                earlier.released = False
            else:
                self._fresh.append(delivery)
        self._start()

    async def drain(self, below: int, within_s: float) -> None:
        """Return when fewer than `below` records are held, and at the latest after `within_s`."""
        if self.held >= below:
            drained = asyncio.get_running_loop().create_future()
            self._draining = (below, drained)
            await asyncio.wait([drained], timeout=within_s)
            self._draining = None

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
        self._fresh = deque(delivery for delivery in self._fresh if delivery.partition not in gone)
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
        if not running:
            return
        loop = asyncio.get_running_loop()
        for held in running:
            held.ended = held.ended or loop.create_future()
        await asyncio.wait([held.ended for held in running if held.ended], timeout=wait_s)
        late = [(held.running, held.ended) for held in running if held.running and held.ended]
        if not late or not cancel:
            return
        for task, _ in late:
            task.cancel()
        _, stuck = await asyncio.wait([ended for _, ended in late], timeout=CANCEL_S)
        if stuck:
            log.error("handlers ignore that they were cancelled", **self._attributes, count=len(stuck))

    def _start(self) -> None:
        """Have a worker that is free to begin what may begin."""
        busy = len(self._workers)
        if (self._ready or self._fresh) and busy == self._waiting_workers and busy < self.subscription.max_in_flight:
            worker = asyncio.create_task(self._work(), context=self._context)
            self._workers.add(worker)
            worker.add_done_callback(self._stopped)

    def _stopped(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._start()

    async def _work(self) -> None:
        """Handle one record after another, until there are none."""
        task = asyncio.current_task()
        assert task is not None
        began = turn = time.perf_counter()
        while (held := self._next()) is not None:
            held.attempt += 1
            context = self._context.copy()
            steps = self._attempt(held)
            try:
                waits_for = context.run(steps.send, None)
            except StopIteration as end:
                self._ended(held, finished=end.value)
            else:
                await self._wait(held, resumed(steps, waits_for, context), task)
                if task.cancelling():
                    # The handler made light of it; what comes next has not been cancelled.
                    return
            now = time.perf_counter()
            if held.is_kept or now - began >= INSTANT_S:
                metrics.HANDLING_S.record(now - began, self._attributes)
            if now - turn >= TURN_S:
                await asyncio.sleep(0)
                now = turn = time.perf_counter()
            began = now

    def _next(self) -> _Held[R] | None:
        """The next record that may begin."""
        if self._ready:
            return self._ready.popleft()
        while self._fresh:
            held = _Held(self._fresh.popleft())
            if not self._lanes or (lane := self._lanes.get((held.delivery.partition, held.delivery.key))) is None:
                return held
            lane.append(held)
            self._held[held.delivery.partition, held.delivery.offset] = held
            held.is_kept = True
        return None

    async def _wait(self, held: _Held[R], rest: Awaitable[bool], worker: asyncio.Task[None]) -> None:
        """The rest of an attempt that does not end at once."""
        finished = False
        self._keep(held)
        held.running = worker
        self._waiting_workers += 1
        self._start()
        try:
            finished = await rest
        finally:
            # Also when cancelled: the record is unfinished then.
            self._waiting_workers -= 1
            held.running = None
            if held.ended is not None and not held.ended.done():
                held.ended.set_result(None)
            held.ended = None
            self._ended(held, finished=finished)

    def _keep(self, held: _Held[R]) -> None:
        if not held.is_kept:
            held.is_kept = True
            delivery = held.delivery
            self._held[delivery.partition, delivery.offset] = held
            if self.subscription.topic.ordered:
                self._lanes[delivery.partition, delivery.key] = deque()

    def _ended(self, held: _Held[R], *, finished: bool) -> None:
        """What follows from an attempt."""
        if finished or held.released or held.delivery.partition in self._leaving:
            self._leave(held, finished=finished)
        else:
            self._keep(held)
            delay_s = self._backoff.delay_s(held.attempt)
            held.retry = asyncio.get_running_loop().call_later(delay_s, self._again, held)

    async def _attempt(self, held: _Held[R]) -> bool:
        """True when the record needs no further handling."""
        try:
            event = self._backend.load(held.delivery)
            if held.attempt > 1:
                event = replace(event, attempt=held.attempt)
            if tracing.enter(event):
                with tracing.handling(event, self.subscription.group):
                    await self._handle(held, event)
            else:
                await self._handle(held, event)
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            return await self._failed(held, RuntimeError(f"the handler was cancelled from within: {error}"))
        except Exception as error:
            return await self._failed(held, error)
        self._handled.value += 1
        return True

    async def _handle(self, held: _Held[R], event: Event[Any]) -> None:
        outputs = await self.subscription.handler(event)
        if outputs:
            await self._backend.publish(*outputs)
        if self._backend.record is not None:
            await self._backend.record(held.delivery)

    async def _failed(self, held: _Held[R], error: Exception) -> bool:
        """True when the record was given up."""
        delivery = held.delivery
        place = {**self._attributes, "partition": delivery.partition, "offset": delivery.offset}
        if isinstance(error, Fenced):
            return self._fenced(held)
        # That an engine is away is no fault of the record, however long it lasts.
        may_pass = isinstance(error, ClipmillError) and error.retryable
        if may_pass or (not isinstance(error, Poison) and held.attempt < self.subscription.max_attempts):
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
        if held.is_kept:
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
        if self._draining is not None and self.held < self._draining[0] and not self._draining[1].done():
            self._draining[1].set_result(None)
