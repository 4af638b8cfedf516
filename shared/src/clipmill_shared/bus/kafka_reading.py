"""One subscription on Kafka: a consumer that feeds a member and commits what it has finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, OffsetAndMetadata, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError

from clipmill_shared.bus import metrics
from clipmill_shared.bus.attempt import Delivery
from clipmill_shared.bus.claiming import Bounds, Start, claim
from clipmill_shared.bus.codec import UNREADABLE
from clipmill_shared.bus.contract import LogId, Offsets
from clipmill_shared.bus.member import Member

log = structlog.get_logger()
# With these, 6,000 events over 40 keys through a SIGKILL, a SIGSTOP of 14 s, a clean stop and a join: none lost, none
# out of order, 63 handled twice.
RESUME_BELOW = 200
COMMIT_EVERY_S = 1.0
DRAIN_S = 3.0
POLL_S = 0.2
CLOSE_S = 5.0
AFTER_ERROR_S = 1.0
# A service reads a dozen topics: a broker that is away is told of by each of them.
SAY_EVERY_S = 30.0
CAUGHT_UP_S = 0.01
CAREFUL_MS = 20
GROUP_SETTINGS = {
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 3_000,
    "max_poll_interval_ms": 60_000,
    # A rebalance waits for members that drain.
    "rebalance_timeout_ms": 20_000,
}

_Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


@dataclass(frozen=True)
class Source:
    """What is read: a topic under its name on the cluster. `is_same` asks whether the cluster still has this log."""

    name: str
    log: LogId
    partitions: int
    is_same: Callable[[], Awaitable[bool]]
    # Where a broadcast begins: at the end of a log that was there, at the beginning of one that came later.
    from_beginning: bool = False


class Reading(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs a member of a group, or a broadcast, between `start` and `stop`."""

    def __init__(self, source: Source, consumer: AIOKafkaConsumer, member: Member[_Record], grace_s: float) -> None:
        self._source = source
        self._topic = source.name
        self._consumer = consumer
        self._member = member
        self._grace_s = grace_s
        self._committed: dict[int, int] = {}
        self._paused = False
        # One record after another is read until the one is found that cannot be.
        self._careful = False
        self._loop: asyncio.Task[None] | None = None
        self._has_left = False
        # Where the group keeps its offsets: partitions that are assigned and not claimed (again), those of them that
        # someone else has claimed, what the claims of the others say, and what has been accounted for.
        self._unclaimed: set[int] = set()
        self._fenced: set[int] = set()
        self._starts: dict[int, Start] = {}
        self._since: dict[int, int] = {}
        self._assignments = 0

    @property
    def is_idle(self) -> bool:
        """True when no handler runs."""
        return self._member.held == 0

    async def start(self) -> None:
        await self._consumer.start()
        if self._member.subscription.broadcast:
            places = self._places(range(self._source.partitions))
            self._consumer.assign(places)
            if self._source.from_beginning:
                await self._consumer.seek_to_beginning(*places)
            else:
                await self._consumer.seek_to_end(*places)
            self._since = {place.partition: await self._consumer.position(place) for place in places}
        else:
            self._consumer.subscribe([self._topic], listener=self)
        self._loop = asyncio.create_task(self._read(), name=f"read {self._topic}")
        if self._member.subscription.from_beginning:
            await self._caught_up()

    async def _caught_up(self) -> None:
        """Return when what lay there at the start has been handled."""
        ends = await self._consumer.end_offsets(self._places(range(self._source.partitions)))
        missing = {place.partition: end for place, end in ends.items() if self._since[place.partition] < end}
        while any((self._member.position(p) or 0) < end for p, end in missing.items()):  # noqa: ASYNC110
            await asyncio.sleep(CAUGHT_UP_S)

    async def stop(self) -> None:
        """Take nothing in any more, let handlers end, commit, leave the group."""
        await self._stop_reading()
        positions = await self._member.release(None, self._grace_s, cancel=True)
        if not self._has_left:
            await self._commit(positions)
            await self._leave()

    async def retire(self) -> None:
        """Take nothing in any more: the log is gone. Handlers of an unordered topic run on, until `stop`."""
        await self._stop_reading()
        self._has_left = True
        await asyncio.gather(self._leave(), self._member.release(None, DRAIN_S, cancel=False))

    def fence(self, partition: int) -> None:
        """Someone else has claimed a partition: it is dropped, and claimed again if the group says it is ours."""
        if not self._has_left and partition not in self._unclaimed:
            self._unclaimed.add(partition)
            self._fenced.add(partition)
            self._pause([partition])

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Called before each rebalance, while nothing is fetched, with everything this member has."""
        partitions = {place.partition for place in revoked}
        self._careful = False
        await self._commit(await self._member.release(partitions, DRAIN_S, cancel=False))
        for partition in partitions:
            self._committed.pop(partition, None)
        self._forget_claims()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._forget_claims()
        if self._offsets is not None:
            # What fails here is swallowed, so claiming is the loop's; until then nothing is read.
            self._unclaimed = {place.partition for place in assigned}
        if self._paused or self._unclaimed:
            self._consumer.pause(*assigned)

    @property
    def _offsets(self) -> Offsets | None:
        return self._member.subscription.offsets

    def _places(self, partitions: Collection[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]

    def _pause(self, partitions: Collection[int]) -> None:
        # A rebalance may have taken them meanwhile.
        with suppress(IllegalStateError):
            self._consumer.pause(*self._places(partitions))

    def _forget_claims(self) -> None:
        self._assignments += 1
        self._unclaimed, self._fenced = set(), set()
        self._starts.clear()
        self._since.clear()

    async def _stop_reading(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None

    async def _leave(self) -> None:
        self._has_left = True
        try:
            # A broker that is gone must not hold up the end; it finds out by the session's timeout.
            async with asyncio.timeout(CLOSE_S):
                await self._consumer.stop()
        except TimeoutError:
            log.warning("the broker did not take leave in time", topic=self._topic)
        except KafkaError as error:
            log.warning("the broker did not take leave", topic=self._topic, error=repr(error))

    async def _read(self) -> None:
        due, said = time.monotonic() + COMMIT_EVERY_S, -SAY_EVERY_S
        while True:
            try:
                if self._unclaimed:
                    await self._claim()
                await self._poll()
                if time.monotonic() >= due:
                    await self._commit(self._member.positions())
                    self._measure_lag()
                    due = time.monotonic() + COMMIT_EVERY_S
            except Exception as error:
                # The broker or the group's database is away; nothing of what was delivered is lost by waiting.
                if time.monotonic() - said >= SAY_EVERY_S:
                    said = time.monotonic()
                    log.error("a topic cannot be read", topic=self._topic, error=repr(error))
                await asyncio.sleep(AFTER_ERROR_S)

    async def _claim(self) -> None:
        """Claim what is assigned, and go to where the group's offsets say."""
        offsets, number, partitions = self._offsets, self._assignments, set(self._unclaimed)
        assert offsets is not None
        # Only fenced ones have something to drop.
        await self._member.release(partitions & self._fenced, 0, cancel=True)
        if not await self._source.is_same() or not await self._is_still_ours(partitions & self._fenced):
            return
        starts = await claim(offsets, self._source.log, partitions, self._bounds)
        if number != self._assignments:
            return
        for partition, start in starts.items():
            self._consumer.seek(TopicPartition(self._topic, partition), start.finished.next_offset)
            self._since[partition] = start.finished.next_offset
        self._starts |= starts
        self._unclaimed -= partitions
        self._fenced -= partitions
        if not self._paused:
            self._consumer.resume(*self._places(partitions))

    async def _is_still_ours(self, partitions: Collection[int]) -> bool:
        """True when the group takes this member's commit: if it does not, a rebalance is on its way."""
        known = {p: at for p in partitions if (at := self._committed.get(p)) is not None}
        if not known:
            return True
        try:
            await self._consumer.commit(self._at(known))
        except KafkaError:
            return False
        return True

    def _at(self, positions: dict[int, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {TopicPartition(self._topic, p): OffsetAndMetadata(at, "") for p, at in positions.items()}

    async def _bounds(self, partitions: Collection[int]) -> dict[int, Bounds]:
        places = self._places(partitions)
        beginnings = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        return {place.partition: Bounds(beginnings[place], ends[place]) for place in places}

    async def _poll(self) -> None:
        """Fetch as much as the member has room for. Polled when paused too: else the group would drop the member."""
        member, wait_s = self._member, POLL_S
        if self._paused or member.room <= 0:
            # Quick handlers make room at once; pausing would throw away what has been fetched.
            await member.drain(RESUME_BELOW, POLL_S)
            if self._paused and member.held < RESUME_BELOW:
                self._paused = False
                self._consumer.resume(*(p for p in self._consumer.assignment() if p.partition not in self._unclaimed))
            elif not self._paused and member.room <= 0:
                self._paused = True
                self._consumer.pause(*self._consumer.assignment())
            wait_s = 0
        if self._careful:
            await self._poll_carefully()
            return
        try:
            batches = await self._consumer.getmany(timeout_ms=wait_s * 1000, max_records=max(1, member.room))
        except UnicodeDecodeError:
            self._careful = True
            await self._go_back()
            return
        for place, records in batches.items():
            if place.partition not in self._unclaimed:
                await self._deliver(place.partition, records)

    async def _go_back(self) -> None:
        """To behind what was delivered: where aiokafka cannot read a record, all that it fetched with it is gone."""
        for place in self._consumer.assignment():
            if place.partition in self._unclaimed:
                continue
            at = self._since.get(place.partition)
            if at is None and not self._member.subscription.broadcast:
                at = await self._consumer.committed(place)
            if at is None:
                await self._consumer.seek_to_beginning(place)
            else:
                self._consumer.seek(place, at)

    async def _poll_carefully(self) -> None:
        """A record of each partition; what stands for the one that cannot be read, when it is found."""
        for place in self._consumer.assignment():
            if place.partition in self._unclaimed or self._paused or self._member.room <= 0:
                continue
            try:
                batches = await self._consumer.getmany(place, timeout_ms=CAREFUL_MS, max_records=1)
            except UnicodeDecodeError:
                offset = await self._consumer.position(place)
                log.error("a record cannot be read", topic=self._topic, partition=place.partition, offset=offset)
                self._consumer.seek(place, offset + 1)
                self._careful = False
                batches = {place: [_unreadable(place, offset)]}
            for records in batches.values():
                await self._deliver(place.partition, records)

    async def _deliver(self, partition: int, records: Sequence[_Record]) -> None:
        start, first = self._starts.get(partition), records[0].offset
        try:
            if start is None:
                self._member.deliver(_deliveries(partition, records))
            else:
                self._deliver_claimed(partition, records, start)
        except ValueError:
            # The log became shorter (an unclean election, a topic made anew): what was known of it is void.
            log.warning("a log begins again", topic=self._topic, partition=partition, offset=first)
            self._committed.pop(partition, None)
            if start is not None:
                self.fence(partition)
                return
            await self._member.release([partition], 0, cancel=True)
            self._member.deliver(_deliveries(partition, records))
        self._since[partition] = records[-1].offset + 1

    def _deliver_claimed(self, partition: int, records: Sequence[_Record], start: Start) -> None:
        """Deliver what the group's offsets do not say to be finished."""
        for record in records:
            if record.offset in start.finished:
                self._member.skip(partition, record.offset)
            else:
                since = self._since[partition]
                self._member.deliver([Delivery(partition, record.offset, record.key, record, start.epoch, since)])
            self._since[partition] = record.offset + 1

    def _measure_lag(self) -> None:
        unread = 0
        for place in self._consumer.assignment():
            end = self._consumer.highwater(place)
            unread += max(0, (end or 0) - self._since.get(place.partition, end or 0))
        read = self._member.subscription
        metrics.LAG.set(unread + self._member.held, {"topic": read.topic.name, "group": read.group})

    async def _commit(self, positions: dict[int, int]) -> None:
        if self._member.subscription.broadcast:
            return
        new = {p: at for p, at in positions.items() if self._committed.get(p) != at}
        if not new:
            return
        try:
            await self._consumer.commit(self._at(new))
        except KafkaError as error:
            # Another member has the partitions (after a pause of this process, say), or the broker is away. The
            # rebalance that follows drops this member's state; until then the same is tried again.
            log.warning("offsets cannot be committed", topic=self._topic, error=repr(error))
        else:
            self._committed |= new


def _deliveries(partition: int, records: Sequence[_Record]) -> list[Delivery[_Record]]:
    """Made without the generated __new__, in less than half of its time: there is one for every record."""
    fields = [(partition, record.offset, record.key, record, 0, 0) for record in records]
    return list(map(tuple.__new__, repeat(Delivery), fields))


def _unreadable(place: TopicPartition, offset: int) -> _Record:
    """What stands for the record at `offset`, whose content aiokafka does not give away."""
    return ConsumerRecord(place.topic, place.partition, offset, 0, 0, None, None, None, -1, -1, UNREADABLE)
