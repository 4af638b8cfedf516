"""A topic's log in memory, and how far each group has read it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from clipmill.topic import Topic
from clipmill_shared.bus import metrics
from clipmill_shared.bus.attempt import Delivery
from clipmill_shared.bus.claiming import Bounds, Start, claim
from clipmill_shared.bus.contract import LogId
from clipmill_shared.bus.member import Member
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

    def __init__(self, topic: Topic, cluster_id: str, capacity: int, tail: int) -> None:
        self.topic = topic
        self.id = LogId(cluster_id, uuid4().hex, topic.name)
        self.groups: dict[str, Group] = {}
        self.partitions = [Partition() for _ in range(topic.partitions)]
        self._capacity = capacity
        self._tail = tail

    def append(self, partition: int, record: Stored) -> None:
        self.partitions[partition].records.append(record)

    def event(self, delivery: Delivery[Stored]) -> Event[Any]:
        """A copy of the event that was published, with its place."""
        stored = delivery.raw
        message = self.topic.message()
        message.ParseFromString(stored.body)
        return replace(stored.event, message=message, position=self.position(delivery))

    def position(self, delivery: Delivery[Stored]) -> Position:
        place, log = delivery, self.id
        return Position(log.cluster_id, log.topic_id, place.partition, place.offset, place.epoch, place.since)

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
        if self.topic.retention_h is None:
            # Compacted: whoever begins at the beginning finds it.
            needed = min(needed, part.end - self._capacity)
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
        # Under which claim each partition is read, where the group keeps its offsets.
        self._starts: dict[int, Start] = {}
        self._fenced: set[asyncio.Task[None]] = set()
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
            start = self._starts.get(partition)
            if start is None:
                owner.deliver((Delivery(partition, offset, stored.key, stored),))
            elif offset in start.finished:
                owner.skip(partition, offset)
                self._commit(partition, owner.position(partition))
            else:
                owner.deliver((Delivery(partition, offset, stored.key, stored, start.epoch, offset),))

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
            for member in self.members:
                new = [p for p in range(count) if self._owners[p] is None and wanted[p] is member]
                await self._give(member, new)
            for partition in range(count):
                self.pump(partition)

    def fenced(self, member: Member[Stored], partition: int) -> None:
        """Someone has claimed a partition of this member elsewhere: it is taken from it, and claimed anew."""
        task = asyncio.create_task(self._regain(member, partition))
        self._fenced.add(task)
        task.add_done_callback(self._fenced.discard)

    async def _regain(self, member: Member[Stored], partition: int) -> None:
        async with self._moving:
            if self._owners[partition] is member:
                await self._take(member, [partition], 0, cancel=True)
        await self.assign(0)

    async def _give(self, member: Member[Stored], partitions: list[int]) -> None:
        """Let a member read partitions that nobody reads, from where the group's offsets, or else its commits, say."""
        offsets = member.subscription.offsets
        if offsets is not None and partitions:
            starts = await claim(offsets, self.log.id, partitions, self._bounds)
            self._starts |= starts
            for partition, start in starts.items():
                self.committed[partition] = max(start.finished.next_offset, self.log.partitions[partition].start)
        for partition in partitions:
            self._owners[partition] = member
            self._next[partition] = self.committed[partition]

    async def _bounds(self, partitions: Collection[int]) -> dict[int, Bounds]:
        return {p: Bounds(self.log.partitions[p].start, self.log.partitions[p].end) for p in partitions}

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
