"""The bus on Apache Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from aiokafka.structs import RecordMetadata
from google.protobuf.message import Message

from clipmill import topics as all_topics
from clipmill.topic import Topic
from clipmill_shared.bus import metrics
from clipmill_shared.bus.attempt import Backend, Delivery
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.codec import Headers, decode, encode
from clipmill_shared.bus.contract import LogId, Subscription
from clipmill_shared.bus.dead_letter import letter
from clipmill_shared.bus.kafka_reading import AFTER_ERROR_S, GROUP_SETTINGS, Reading, Source
from clipmill_shared.bus.kafka_readings import Readings
from clipmill_shared.bus.kafka_topics import (
    MAX_DEAD_LETTER_BYTES,
    MAX_RECORD_BYTES,
    Identity,
    ensure_topics,
    identify,
)
from clipmill_shared.bus.member import Member
from clipmill_shared.bus.partitioner import partition_of
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, Position

log = structlog.get_logger()
LINGER_MS = 5
# A producer that the cluster does not answer is left behind after this long.
CLOSE_S = 5.0
_Record: TypeAlias = "ConsumerRecord[bytes, bytes]"
# Topic, key, body and headers.
_Sent: TypeAlias = tuple[str, bytes | None, bytes | None, Headers]


class KafkaBus:
    """The bus's contract on aiokafka.

    - The consumer group of a subscription is `<group>.<topic>`: a service that joins with one topic does not make its
      others rebalance.
    - A failing record of an unordered topic waits its retry delay in this process and holds back the commit of its
      partition meanwhile (17 s at most with the default backoff), not the records behind it. Retry topics would free
      the commit, at the price of a topic and a consumer per delay, and gain little where work is leased from a ledger.
    - When a partition goes to another member, handlers get 3 s; then those of an ordered topic are cancelled, and
      those of an unordered one run on and publish what they made: its attempt tells whether it still counts.
    - A broker that lost its data, or became another, is noticed within seconds: consumers are made anew, and missing
      topics too with `create_topics`.
    - `prefix` goes before every topic and group, so that several systems (or tests) can share a cluster.
    """

    def __init__(
        self,
        bootstrap: str,
        instance: str,
        *,
        grace_s: float = 10.0,
        backoff: Backoff | None = None,
        prefix: str = "",
        create_topics: bool = False,
    ) -> None:
        self._bootstrap = bootstrap
        self._instance = instance
        self._grace_s = grace_s
        self._backoff = backoff or Backoff()
        self._prefix = prefix
        self._create_topics = create_topics
        # What is on its way to the cluster by the present producer.
        self._sending: dict[int, list[asyncio.Future[RecordMetadata]]] = {}
        self._producer: AIOKafkaProducer | None = None
        self._closed = False
        self._starting = asyncio.Lock()

    async def ensure_topics(self, topics: Iterable[Topic] = all_topics.ALL) -> None:
        """Create what is missing. ClipmillError when Kafka refuses or does not answer."""
        try:
            await ensure_topics(self._bootstrap, topics, self._prefix)
        except KafkaConnectionError as error:
            raise self._unreachable() from error

    async def publish(self, *events: Event[Message]) -> None:
        """See Bus; while the cluster is away this waits for it. KafkaError when the cluster refuses them."""
        await self._store([self._record(event) for event in events])
        for event in events:
            metrics.PUBLISHED.of(topic=event.topic.name).value += 1

    async def _store(self, records: Sequence[_Sent]) -> None:
        """Write records, all of them again when some may not have arrived: the same event twice is one."""
        while True:
            producer = self._producer or await self._started_producer()
            try:
                sending = [
                    await producer.send(topic, body, key=key, headers=list(headers))
                    for topic, key, body, headers in records
                ]
                await self._all_stored(sending)
            except (KafkaError, asyncio.CancelledError) as error:
                if (task := asyncio.current_task()) and task.cancelling():
                    raise
                if self._closed:
                    raise RuntimeError("the bus is closed") from None
                if isinstance(error, asyncio.CancelledError) or not (error.retriable or _is_timeout(error)):
                    raise
                log.warning("the broker does not store what is published; trying again", error=repr(error))
                await asyncio.sleep(AFTER_ERROR_S)
            else:
                return

    async def _all_stored(self, sending: list[asyncio.Future[RecordMetadata]]) -> None:
        """Who gives up waiting does not take back what is being sent."""
        self._sending[id(sending)] = sending
        try:
            # One after another: a gather costs as much as encoding a small event.
            for stored in sending:
                await stored
        except BaseException:
            for stored in sending:
                stored.add_done_callback(lambda stored: stored.cancelled() or stored.exception())
            raise
        finally:
            del self._sending[id(sending)]

    @asynccontextmanager
    async def run(self, *subscriptions: Subscription) -> AsyncIterator[None]:
        """See Bus. ClipmillError when the cluster does not answer or lacks a topic."""
        if not subscriptions:
            yield
            return
        try:
            readings = Readings(self, subscriptions, await self._complete(subscriptions))
            try:
                await readings.start()
                yield
            finally:
                await readings.stop()
        except KafkaConnectionError as error:
            raise self._unreachable() from error

    async def close(self) -> None:
        """Send what is still on its way, and leave. A publication that the cluster does not answer is given up."""
        self._closed = True
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await _stop(producer)
            for sending in tuple(self._sending.values()):
                for stored in sending:
                    stored.cancel()

    def _record(self, event: Event[Message]) -> _Sent:
        record = encode(event)
        return self._prefix + event.topic.name, record.key.encode(), record.body, record.headers

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._closed:
                raise RuntimeError("the bus is closed")
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id=self._instance,
                    acks="all",
                    # Not idempotent: docs/adr/0014 says why.
                    enable_idempotence=False,
                    linger_ms=LINGER_MS,
                    partitioner=partition_of,
                    max_request_size=MAX_DEAD_LETTER_BYTES,
                )
                try:
                    await producer.start()
                except KafkaConnectionError as error:
                    await producer.stop()
                    raise self._unreachable() from error
                self._producer = producer
        return self._producer

    # --- what its readings ask ---

    async def identify(self, subscriptions: Sequence[Subscription]) -> Identity:
        """What the cluster is, and what it has of the topics that are read."""
        return await identify(self._bootstrap, self._names(subscriptions))

    async def make_topics(self) -> bool:
        """Create every topic that is missing; False when this bus may not."""
        if self._create_topics:
            await self.ensure_topics()
        return self._create_topics

    def _names(self, subscriptions: Sequence[Subscription]) -> set[str]:
        return {self._prefix + subscription.topic.name for subscription in subscriptions}

    async def _complete(self, subscriptions: Sequence[Subscription]) -> Identity:
        identity = await self.identify(subscriptions)
        missing = self._names(subscriptions) - set(identity.topic_ids)
        if missing and await self.make_topics():
            return await self.identify(subscriptions)
        # A consumer of a topic that does not exist would say nothing and read nothing, for ever.
        if missing:
            raise ClipmillError(
                "TOPIC_MISSING",
                f"The Kafka at {self._bootstrap} lacks the topics {', '.join(sorted(missing))}.",
                "Create them as protos/topics.yaml says.",
            )
        return identity

    def reading(
        self, subscription: Subscription, identity: Identity, look: Callable[[], None], *, from_beginning: bool
    ) -> Reading:
        """A subscription's consumer and member, not started; it calls `look` when the cluster seems to be another."""
        topic, offsets = subscription.topic, subscription.offsets
        name = self._prefix + topic.name
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._instance,
            group_id=None if subscription.broadcast else f"{self._prefix}{subscription.group}.{topic.name}",
            enable_auto_commit=False,
            auto_offset_reset="latest" if subscription.broadcast and not subscription.from_beginning else "earliest",
            max_partition_fetch_bytes=4 * MAX_RECORD_BYTES,
            # The broker has checked each batch that it stored; checking again is a tenth of what reading costs.
            check_crcs=False,
            **GROUP_SETTINGS,
        )
        source = LogId(identity.cluster_id, identity.topic_ids[name], topic.name)

        async def is_same() -> bool:
            seen = await self.identify((subscription,))
            same = (seen.cluster_id, seen.topic_ids.get(name)) == (source.cluster_id, source.topic_id)
            if not same:
                look()
            return same

        def position_of(delivery: Delivery[_Record]) -> Position:
            partition, offset = delivery.partition, delivery.offset
            return Position(source.cluster_id, source.topic_id, partition, offset, delivery.epoch, delivery.since)

        def load(delivery: Delivery[_Record]) -> Event[Any]:
            partition, offset, _, record, epoch, since = delivery
            # In a third of the time of its generated __new__.
            position = tuple.__new__(Position, (source.cluster_id, source.topic_id, partition, offset, epoch, since))
            return decode(topic, record.value, record.headers, position, record.key)

        async def bury(delivery: Delivery[_Record], error: Exception, attempts: int) -> None:
            await self._bury(subscription, delivery.raw, error, attempts)

        async def record(delivery: Delivery[_Record]) -> None:
            if offsets is not None:
                await offsets.finish(position_of(delivery))

        def fence(partition: int) -> None:
            reading.fence(partition)

        backend = Backend(load, self.publish, bury, None, record if offsets else None, fence)
        reading = Reading(
            Source(name, source, identity.partitions[name], is_same, from_beginning or subscription.from_beginning),
            consumer,
            Member(subscription, backend, self._backoff),
            self._grace_s,
        )
        return reading

    async def _bury(self, subscription: Subscription, record: _Record, error: Exception, attempts: int) -> None:
        """Write a record as it came to the dead letters, with what happened to it in its headers."""
        happened = {
            "clipmill-topic": subscription.topic.name,
            "clipmill-partition": str(record.partition),
            "clipmill-offset": str(record.offset),
            "clipmill-group": subscription.group,
            "clipmill-attempts": str(attempts),
            "clipmill-error": f"{type(error).__name__}: {error}"[:1000],
        }
        topic = self._prefix + subscription.topic.dead_letters
        await self._store([(topic, *letter(record, happened))])

    def _unreachable(self) -> ClipmillError:
        return ClipmillError(
            "KAFKA_UNREACHABLE",
            f"No Kafka answers at {self._bootstrap}.",
            "Start it, or set the address of one that runs.",
            retryable=True,
        )


def _is_timeout(error: KafkaError) -> bool:
    return isinstance(error, KafkaTimeoutError)


async def _stop(producer: AIOKafkaProducer) -> None:
    """Send what is on its way, if the broker takes it in time."""
    stopping = asyncio.create_task(producer.stop())
    await asyncio.wait([stopping], timeout=CLOSE_S)
    if not stopping.done():
        log.warning("what was on its way to the broker is left behind: it does not answer")
        # It would wait for what it still has to send.
        producer._sender.sender_task.cancel()
    await stopping
