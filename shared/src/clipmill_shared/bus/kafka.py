"""The bus on Apache Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaConnectionError
from google.protobuf.message import Message

from clipmill import topics as all_topics
from clipmill.topic import Topic
from clipmill_shared.bus import metrics
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.codec import decode, encode
from clipmill_shared.bus.contract import Subscription
from clipmill_shared.bus.kafka_reading import GROUP_SETTINGS, Reading
from clipmill_shared.bus.kafka_topics import (
    MAX_DEAD_LETTER_BYTES,
    MAX_RECORD_BYTES,
    Identity,
    ensure_topics,
    identify,
)
from clipmill_shared.bus.member import Backend, Delivery, Member
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, Position

LINGER_MS = 5
_Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


class KafkaBus:
    """The bus's contract on aiokafka.

    - The consumer group of a subscription is `<group>.<topic>`: a service that joins with one topic does not make its
      others rebalance.
    - A failing record of an unordered topic waits its retry delay in this process and holds back the commit of its
      partition meanwhile (17 s at most with the default backoff), not the records behind it. Retry topics would free
      the commit, at the price of a topic and a consumer per delay, and gain little where work is leased from a ledger.
    - When a partition goes to another member, handlers get 3 s; then those of an ordered topic are cancelled, and
      those of an unordered one run on and publish what they made: its attempt tells whether it still counts.
    - `prefix` goes before every topic and group, so that several systems (or tests) can share a cluster.
    """

    def __init__(
        self, bootstrap: str, instance: str, *, grace_s: float = 10.0, backoff: Backoff | None = None, prefix: str = ""
    ) -> None:
        self._bootstrap = bootstrap
        self._instance = instance
        self._grace_s = grace_s
        self._backoff = backoff or Backoff()
        self._prefix = prefix
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def ensure_topics(self, topics: Iterable[Topic] = all_topics.ALL) -> None:
        """Create what is missing. ClipmillError when Kafka refuses or does not answer."""
        try:
            await ensure_topics(self._bootstrap, topics, self._prefix)
        except KafkaConnectionError as error:
            raise self._unreachable() from error

    async def publish(self, *events: Event[Message]) -> None:
        """See Bus. KafkaError when the cluster does not store them."""
        records = [(self._prefix + event.topic.name, encode(event)) for event in events]
        producer = await self._started_producer()
        stored = [
            await producer.send(topic, record.body, key=record.key.encode(), headers=list(record.headers))
            for topic, record in records
        ]
        # Who gives up waiting does not take back what is being sent.
        await asyncio.shield(asyncio.gather(*stored))
        for event in events:
            metrics.PUBLISHED.add(1, {"topic": event.topic.name})

    @asynccontextmanager
    async def run(self, *subscriptions: Subscription) -> AsyncIterator[None]:
        """See Bus. ClipmillError when the cluster does not answer or lacks a topic."""
        if not subscriptions:
            yield
            return
        readings: list[Reading] = []
        try:
            identity = await self._identify(subscriptions)
            readings = [self._reading(subscription, identity) for subscription in subscriptions]
            await asyncio.gather(*(reading.start() for reading in readings))
            yield
        except KafkaConnectionError as error:
            raise self._unreachable() from error
        finally:
            await asyncio.gather(*(reading.stop() for reading in readings))

    async def close(self) -> None:
        """Send what is still on its way, and leave."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id=self._instance,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=LINGER_MS,
                    max_request_size=MAX_DEAD_LETTER_BYTES,
                )
                try:
                    await producer.start()
                except KafkaConnectionError as error:
                    await producer.stop()
                    raise self._unreachable() from error
                self._producer = producer
        return self._producer

    async def _identify(self, subscriptions: Sequence[Subscription]) -> Identity:
        names = {self._prefix + subscription.topic.name for subscription in subscriptions}
        identity = await identify(self._bootstrap, names)
        # A consumer of a topic that does not exist would say nothing and read nothing, for ever.
        if missing := names - set(identity.topic_ids):
            raise ClipmillError(
                "TOPIC_MISSING",
                f"The Kafka at {self._bootstrap} lacks the topics {', '.join(sorted(missing))}.",
                "Create them as protos/topics.yaml says.",
            )
        return identity

    def _reading(self, subscription: Subscription, identity: Identity) -> Reading:
        name = self._prefix + subscription.topic.name
        group = None if subscription.broadcast else f"{self._prefix}{subscription.group}.{subscription.topic.name}"
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._instance,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="latest" if subscription.broadcast else "earliest",
            max_partition_fetch_bytes=4 * MAX_RECORD_BYTES,
            **GROUP_SETTINGS,
        )

        def load(delivery: Delivery[_Record]) -> Event[Any]:
            record = delivery.raw
            position = Position(identity.cluster_id, identity.topic_ids[name], record.partition, record.offset)
            return decode(subscription.topic, record.value, record.headers, position)

        async def bury(delivery: Delivery[_Record], error: Exception, attempts: int) -> None:
            await self._bury(subscription, delivery.raw, error, attempts)

        backend = Backend(load, self.publish, bury, lambda _partition: None)
        member = Member(subscription, backend, self._backoff)
        return Reading(name, identity.partitions[name], consumer, member, self._grace_s)

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
        body = record.value
        if body is not None and len(body) > MAX_RECORD_BYTES:
            happened["clipmill-body-bytes"] = str(len(body))
            body = None
        producer = await self._started_producer()
        await producer.send_and_wait(
            self._prefix + subscription.topic.dead_letters,
            body,
            key=record.key,
            headers=[*record.headers, *((name, text.encode()) for name, text in happened.items())],
        )

    def _unreachable(self) -> ClipmillError:
        return ClipmillError(
            "KAFKA_UNREACHABLE",
            f"No Kafka answers at {self._bootstrap}.",
            "Start it, or set the address of one that runs.",
            retryable=True,
        )
