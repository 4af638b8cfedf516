"""A member of a group: runs a subscription's handler over the records that its backend delivers.

Both backends stand on this, so that order, retries, dead letters and commits are one behaviour.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from clipmill_shared.bus import metrics, tracing
from clipmill_shared.bus.attempt import Attempts, Backend, Delivery, Outcome
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.contract import Subscription
from clipmill_shared.bus.progress import Progress
from clipmill_shared.bus.steps import resumed

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


@dataclass(slots=True, eq=False)
class _Held(Generic[R]):
    """A delivery that did not end at once: it waits in its handler, in its key's lane, or for its next attempt."""

    delivery: Delivery[R]
    attempt: int = 0
    # The task in which its handler waits; `ended` is made by who wants to know.
    running: asyncio.Task[None] | None = None
    ended: asyncio.Future[None] | None = None
    retry: asyncio.TimerHandle | None = None
    # Its partition was taken away while it ran.
    released: bool = False


class Member(Generic[R]):
    """Handles at most `max_in_flight` records at a time, and at most one of a key where the topic is ordered.

    A record that waits for its next attempt takes no place; on an ordered topic it holds back its key.
    """

    def __init__(self, subscription: Subscription, backend: Backend[R], backoff: Backoff) -> None:
        self.subscription = subscription
        self._backend = backend
        self._tell_finished = backend.finished
        self._backoff = backoff
        self._attributes = {"topic": subscription.topic.name, "group": subscription.group}
        self._attempts = Attempts(subscription, backend, backoff)
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

    def deliver(self, deliveries: Sequence[Delivery[R]]) -> None:
        """Take records of one partition over; in rising order of offsets, or ValueError."""
        partition = deliveries[0].partition
        if partition in self._leaving:
            return
        progress = self._progress.get(partition)
        if progress is None:
            progress = self._progress[partition] = Progress()
        progress.delivered([delivery.offset for delivery in deliveries])
        if not self._held:
            self._fresh.extend(deliveries)
            self._start()
            return
        for delivery in deliveries:
            if earlier := self._held.get((partition, delivery.offset)):
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
        progress.delivered([offset])
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
        progress, tell_finished, begin = self._progress, self._tell_finished, self._attempts.begin
        began = turn = time.perf_counter()
        while self._ready or self._fresh:
            held = self._ready.popleft() if self._ready else None
            delivery = held.delivery if held else self._fresh.popleft()
            if held is None and self._lanes and self._is_held_back(delivery):
                continue
            context = self._context.copy()
            if held and held.attempt:
                rest: Coroutine[Any, Any, Outcome] | None = self._attempts.again(delivery, held.attempt + 1)
            else:
                rest = begin(delivery, context)
            outcome: Outcome | None = Outcome.FINISHED
            if rest is not None:
                try:
                    waits_for = context.run(rest.send, None)
                except StopIteration as end:
                    outcome = end.value
                else:
                    await self._wait(held or self._hold(delivery), resumed(rest, waits_for, context), task)
                    if task.cancelling():
                        # The handler made light of it; what comes next has not been cancelled.
                        break
                    outcome = None
            if outcome is Outcome.FINISHED and held is None:
                # As `_finished`, without its call.
                progress[delivery.partition].finished(delivery.offset)
                if tell_finished is not None:
                    tell_finished(delivery.partition)
            elif outcome is not None:
                self._ended(held or self._hold(delivery), outcome)
            now = time.perf_counter()
            if now - began >= INSTANT_S:
                metrics.HANDLING_S.record(now - began, self._attributes)
            began = now
            if now - turn >= TURN_S:
                self._tell_drained()
                await asyncio.sleep(0)
                began = turn = time.perf_counter()
        self._tell_drained()

    def _is_held_back(self, delivery: Delivery[R]) -> bool:
        """True when an earlier record of its key is held: this one queues behind it."""
        lane = self._lanes.get((delivery.partition, delivery.key))
        if lane is None:
            return False
        held = self._held[delivery.partition, delivery.offset] = _Held(delivery)
        lane.append(held)
        return True

    def _hold(self, delivery: Delivery[R]) -> _Held[R]:
        held = self._held[delivery.partition, delivery.offset] = _Held(delivery)
        if self.subscription.topic.ordered:
            self._lanes[delivery.partition, delivery.key] = deque()
        return held

    async def _wait(self, held: _Held[R], rest: Awaitable[Outcome], worker: asyncio.Task[None]) -> None:
        """The rest of an attempt that does not end at once."""
        outcome = Outcome.FAILED
        held.running = worker
        self._waiting_workers += 1
        self._start()
        self._tell_drained()
        try:
            outcome = await rest
        finally:
            # Also when cancelled: the record is unfinished then.
            self._waiting_workers -= 1
            held.running = None
            if held.ended is not None:
                held.ended.set_result(None)
                held.ended = None
            self._ended(held, outcome)

    def _ended(self, held: _Held[R], outcome: Outcome) -> None:
        """What follows from the attempt of a held record."""
        held.attempt += 1
        delivery = held.delivery
        if outcome is Outcome.FENCED:
            held.released = True
            self._backend.fenced(delivery.partition)
        if outcome is Outcome.FAILED and not held.released and delivery.partition not in self._leaving:
            delay_s = self._backoff.delay_s(held.attempt)
            held.retry = asyncio.get_running_loop().call_later(delay_s, self._again, held)
            return
        self._held.pop((delivery.partition, delivery.offset), None)
        if self.subscription.topic.ordered:
            lane = (delivery.partition, delivery.key)
            if behind := self._lanes.get(lane):
                self._ready.append(behind.popleft())
            else:
                self._lanes.pop(lane, None)
        if outcome is Outcome.FINISHED and not held.released:
            self._finished(delivery)

    def _finished(self, delivery: Delivery[R]) -> None:
        self._progress[delivery.partition].finished(delivery.offset)
        if self._tell_finished is not None:
            self._tell_finished(delivery.partition)

    def _again(self, held: _Held[R]) -> None:
        held.retry = None
        self._ready.append(held)
        self._start()

    def _tell_drained(self) -> None:
        """Called before others run: nobody can wait for it while a worker goes through what ends at once."""
        if self._draining is not None and self.held < self._draining[0] and not self._draining[1].done():
            self._draining[1].set_result(None)
