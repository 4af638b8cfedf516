"""The bus within one process: a log in memory with partitions, groups and offsets."""

from __future__ import annotations

import asyncio
import contextvars
import zlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message

from clipmill.topic import Topic
from clipmill_shared.bus import metrics, tracing
from clipmill_shared.bus.attempt import Backend, Delivery
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.codec import body_of
from clipmill_shared.bus.contract import Subscription
from clipmill_shared.bus.log import Group, Log, Stored
from clipmill_shared.bus.member import Member
from clipmill_shared.events import Event

# A member that leaves hands its partitions over after this long at most.
HANDOVER_S = 3.0
DEAD_LETTERS_KEPT = 1000
CAUGHT_UP_S = 0.001

# The group whose handler is running here: what it publishes must not wait in a circle.
_handling: contextvars.ContextVar[Group | None] = contextvars.ContextVar("handling", default=None)


@dataclass(frozen=True)
class DeadLetter:
    """A record that nobody could handle, and why."""

    event: Event[Any]
    group: str
    attempts: int
    error: Exception


class InProcessBus:
    """Holds at most `capacity` records a partition for its slowest group; beyond, publishing waits.

    - A record is dropped when every group has handled it; of a compacted topic the newest `capacity` records stay. A
      topic without any reader keeps its newest `tail` records a partition, for a group that begins later; publishing to
      it never waits, and neither to a topic whose readers have all stopped (it keeps the newest `capacity`).
    - Back-pressure cannot become a deadlock: what a handler publishes waits for another group only while that group
      waits for nobody. So no circle of waiting groups can close, at the price that a circle of topics may grow beyond
      `capacity` by what its handlers have in flight.
    - Messages are copied on the way, as on any other bus: nobody sees another's changes.
    - The log ends with its process. Where the groups' databases do too, nobody reads what is kept of offsets: without
      `keeps_offsets` none are.
    - When a group's members change, partitions move; handlers of a partition that moves get 3 s to end.
    """

    def __init__(
        self,
        grace_s: float = 10.0,
        capacity: int = 10_000,
        tail: int = 1_000,
        backoff: Backoff | None = None,
        *,
        keeps_offsets: bool = True,
    ) -> None:
        self._grace_s = grace_s
        self._capacity = capacity
        self._tail = tail
        self._backoff = backoff or Backoff()
        self._keeps_offsets = keeps_offsets
        self._cluster_id = uuid4().hex
        self._logs: dict[str, Log] = {}
        # By group name: publications that wait on behalf of its handlers.
        self._waiting: dict[str, int] = {}
        self._closed = False
        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_KEPT)

    async def publish(self, *events: Event[Message]) -> None:
        """See Bus. RuntimeError after `close`."""
        prepared = [(self._log(event.topic), event.key, event, body_of(event)) for event in events]
        trace = tracing.traceparent()
        for log, key, event, body in prepared:
            partition = zlib.crc32(key.encode()) % event.topic.partitions
            await self._room(log, partition)
            log.append(partition, Stored(key, event if event.traceparent else replace(event, traceparent=trace), body))
            metrics.PUBLISHED.of(topic=event.topic.name).value += 1
            for group in log.groups.values():
                group.pump(partition)
            log.trim(partition)
        # A publisher in a loop must leave the handlers some time.
        await asyncio.sleep(0)

    @asynccontextmanager
    async def run(self, *subscriptions: Subscription) -> AsyncIterator[None]:
        """See Bus. May be entered several times, also side by side."""
        members: list[tuple[Group, Member[Stored]]] = []
        try:
            # What others rest on comes first.
            for first in (True, False):
                joined = [self._join(s) for s in subscriptions if s.from_beginning == first]
                members += joined
                ends = [[partition.end for partition in group.log.partitions] for group, _ in joined]
                await self._assign([group for group, _ in joined])
                while first and any(map(_is_behind, (group for group, _ in joined), ends)):  # noqa: ASYNC110
                    await asyncio.sleep(CAUGHT_UP_S)
            yield
        finally:
            for group, member in members:
                group.members.remove(member)
            await asyncio.gather(*(self._leave(group, member) for group, member in members))
            await self._assign([group for group, _ in members])

    async def close(self) -> None:
        """Let nobody wait or publish any more."""
        self._closed = True
        for log in self._logs.values():
            log.wake()

    def _log(self, topic: Topic) -> Log:
        log = self._logs.get(topic.name)
        if log is None:
            log = self._logs[topic.name] = Log(topic, self._cluster_id, self._capacity, self._tail)
        return log

    async def _room(self, log: Log, partition: int) -> None:
        """Wait until the partition takes another record."""
        own = _handling.get()
        while True:
            if self._closed:
                raise RuntimeError("the bus is closed")
            if not log.is_full(partition) or (own is not None and self._would_close_a_circle(own, log)):
                return
            name = own.name if own else ""
            self._waiting[name] = self._waiting.get(name, 0) + 1
            try:
                await log.changed(partition)
            finally:
                self._waiting[name] -= 1

    def _would_close_a_circle(self, own: Group, log: Log) -> bool:
        """Groups are nodes, waiting is an edge; an edge to a node that has edges itself is refused."""
        return any(name == own.name or self._waiting.get(name) for name in log.groups)

    def _join(self, subscription: Subscription) -> tuple[Group, Member[Stored]]:
        log = self._log(subscription.topic)
        # A broadcast is a group of its own that begins at the end and is forgotten when it leaves.
        name = f"broadcast-{uuid4().hex}" if subscription.broadcast else subscription.group
        group = log.group(name, at_end=subscription.broadcast and not subscription.from_beginning)

        async def handler(event: Event[Any]) -> Sequence[Event[Message]]:
            _handling.set(group)
            return await subscription.handler(event)

        def load(delivery: Delivery[Stored]) -> Event[Any]:
            return log.event(delivery)

        async def bury(delivery: Delivery[Stored], error: Exception, attempts: int) -> None:
            self.dead_letters.append(DeadLetter(load(delivery), subscription.group, attempts, error))

        offsets = subscription.offsets if self._keeps_offsets else None

        async def record(delivery: Delivery[Stored]) -> None:
            if offsets is not None:
                await offsets.finish(log.position(delivery))

        def fenced(partition: int) -> None:
            group.fenced(member, partition)

        backend = Backend(load, self.publish, bury, group.finished, record if offsets else None, fenced)
        member = Member(replace(subscription, handler=handler, offsets=offsets), backend, self._backoff)
        group.members.append(member)
        log.wake()
        return group, member

    async def _assign(self, groups: Sequence[Group]) -> None:
        for group in dict.fromkeys(groups):
            await group.assign(HANDOVER_S)

    async def _leave(self, group: Group, member: Member[Stored]) -> None:
        await group.take_from(member, self._grace_s)
        if group.name.startswith("broadcast-"):
            group.log.forget(group)


def _is_behind(group: Group, ends: Sequence[int]) -> bool:
    return any(committed < end for committed, end in zip(group.committed, ends, strict=True))
