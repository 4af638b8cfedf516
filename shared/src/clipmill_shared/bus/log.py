"""A topic's log in memory, and how far each group has read it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from clipmill.topic import Topic
from clipmill_shared.bus import metrics
from clipmill_shared.bus.member import Delivery, Member
from clipmill_shared.events import Event, Position


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as the log keeps it: the event's attributes, and its message as bytes."""

    key: str
    event: Event[Any]
    body: bytes


class Partition:
    """Records from offset `start` on."""

    def __init__(self) -> None:
        self.start = 0
        self.records: deque[Stored] = deque()
        self.waiters: list[asyncio.Future[None]] = []

    @property
    def end(self) -> int:
        """The offset that the next record gets."""
        return self.start + len(self.records)

    def wake(self) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


class Log:
    """A topic's partitions and the groups that read them."""

    def __init__(self, topic: Topic, topic_id: str, capacity: int, tail: int) -> None:
        self.topic = topic
        self.groups: dict[str, Group] = {}
        self.partitions = [Partition() for _ in range(topic.partitions)]
        self._topic_id = topic_id
        self._capacity = capacity
        self._tail = tail

    def append(self, partition: int, record: Stored) -> None:
        self.partitions[partition].records.append(record)

    def event(self, cluster_id: str, delivery: Delivery[Stored]) -> Event[Any]:
        """A copy of the event that was published, with its place."""
        stored = delivery.raw
        message = self.topic.message()
        message.ParseFromString(stored.body)
        position = Position(cluster_id, self._topic_id, delivery.partition, delivery.offset)
        return replace(stored.event, message=message, position=position)

    def group(self, name: str, *, at_end: bool) -> Group:
        """The group of this name; a new one begins with what is kept, or at the end."""
        if name not in self.groups:
            begin = [p.end if at_end else p.start for p in self.partitions]
            self.groups[name] = Group(name, self, begin)
        return self.groups[name]

    def forget(self, group: Group) -> None:
        del self.groups[group.name]
        for partition in range(len(self.partitions)):
            self.trim(partition)

    def is_full(self, partition: int) -> bool:
        """True when a group that has members lags by the log's capacity."""
        end = self.partitions[partition].end
        return any(g.members and end - g.committed[partition] >= self._capacity for g in self.groups.values())

    def trim(self, partition: int) -> None:
        """Drop what every group has handled; without a live reader, what is too old."""
        part = self.partitions[partition]
        oldest_kept = part.end - (self._capacity if self.groups else self._tail)
        for group in self.groups.values():
            if not group.members and group.committed[partition] < oldest_kept:
                metrics.DISCARDED.add(oldest_kept - group.committed[partition], {"topic": self.topic.name})
                group.committed[partition] = oldest_kept
        needed = min((g.committed[partition] for g in self.groups.values()), default=oldest_kept)
        if needed <= part.start:
            return
        while part.start < needed:
            part.records.popleft()
            part.start += 1
        part.wake()

    async def changed(self, partition: int) -> None:
        """Return when room may have come, or a group."""
        waiter = asyncio.get_running_loop().create_future()
        self.partitions[partition].waiters.append(waiter)
        await waiter

    def wake(self) -> None:
        for partition in self.partitions:
            partition.wake()


class Group:
    """The members that share a topic's partitions, and how far they are together."""

    def __init__(self, name: str, log: Log, begin: list[int]) -> None:
        self.name = name
        self.log = log
        self.members: list[Member[Stored]] = []
        self.committed = list(begin)
        self._next = list(begin)
        self._owners: list[Member[Stored] | None] = [None] * len(begin)
        self._moving = asyncio.Lock()

    def pump(self, partition: int) -> None:
        """Deliver what is unread, as far as the partition's owner has room."""
        owner = self._owners[partition]
        if owner is None:
            return
        part = self.log.partitions[partition]
        while self._next[partition] < part.end and owner.room > 0:
            offset = self._next[partition]
            stored = part.records[offset - part.start]
            self._next[partition] = offset + 1
            owner.deliver(Delivery(partition, offset, stored.key, stored))

    def finished(self, partition: int) -> None:
        """A member has finished a record: commit, and deliver more."""
        owner = self._owners[partition]
        if owner is None:
            return
        self._commit(partition, owner.position(partition))
        for other in range(partition, partition + len(self._owners)):
            self.pump(other % len(self._owners))

    async def assign(self, wait_s: float) -> None:
        """Share the partitions out evenly; the ones that move are handed over first."""
        async with self._moving:
            count = len(self._owners)
            wanted = [self.members[p * len(self.members) // count] if self.members else None for p in range(count)]
            for member in {m for m in self._owners if m is not None}:
                moving = [p for p in range(count) if self._owners[p] is member and wanted[p] is not member]
                if moving:
                    await self._take(member, moving, wait_s, cancel=False)
            for partition, owner in enumerate(wanted):
                if self._owners[partition] is None and owner in self.members:
                    self._owners[partition] = owner
                    self._next[partition] = self.committed[partition]
                self.pump(partition)

    async def take_from(self, member: Member[Stored], wait_s: float) -> None:
        """Take every partition from a member that leaves; what it runs gets `wait_s` to end."""
        async with self._moving:
            await self._take(member, None, wait_s, cancel=True)

    async def _take(self, member: Member[Stored], partitions: list[int] | None, wait_s: float, *, cancel: bool) -> None:
        for partition, owner in enumerate(self._owners):
            if owner is member and (partitions is None or partition in partitions):
                # Nothing more is delivered from here on; what still finishes is committed below.
                self._owners[partition] = None
        positions = await member.release(partitions, wait_s, cancel=cancel)
        for partition, position in positions.items():
            self._commit(partition, position)

    def _commit(self, partition: int, position: int | None) -> None:
        if position is not None and position > self.committed[partition]:
            self.committed[partition] = position
            self.log.trim(partition)
