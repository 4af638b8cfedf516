"""What a broker has of the topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from clipmill.topic import Topic
from clipmill_cli.kafka.letters import ANSWER_MS, DeadLetters, bounds, consumer_of
from clipmill_shared.bus.kafka_topics import identify

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class OnBroker:
    """A topic as Kafka has it. Offsets are summed over partitions; `retention_h` is None for a compacted one."""

    partitions: int
    begin_offset: int
    end_offset: int
    retention_h: float | None
    dead_letters: int


async def described(bootstrap: str, prefix: str, topics: Sequence[Topic]) -> dict[str, OnBroker]:
    """By name, the topics that are there. Errors: KAFKA_UNREACHABLE, KAFKA_REFUSED."""
    async with consumer_of(bootstrap) as consumer:
        waiting = [letter.topic for letter in await DeadLetters(bootstrap, prefix, consumer).waiting(topics)]
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS)
        await admin.start()
        try:
            there = (await identify(bootstrap, [prefix + topic.name for topic in topics])).partitions
            retention = await _retention_h(admin, list(there))
        finally:
            await admin.close()
        places = [TopicPartition(name, number) for name, count in there.items() for number in range(count)]
        begins, ends = await bounds(consumer, places)
    return {
        topic.name: OnBroker(
            partitions=there[name],
            begin_offset=sum(offset for place, offset in begins.items() if place.topic == name),
            end_offset=sum(offset for place, offset in ends.items() if place.topic == name),
            retention_h=retention[name],
            dead_letters=waiting.count(topic.name),
        )
        for topic in topics
        if (name := prefix + topic.name) in there
    }


async def _retention_h(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, float | None]:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    kept: dict[str, float | None] = {}
    for answer in answers:
        for _code, _message, _kind, name, entries in answer.resources:
            values = {entry[0]: entry[1] for entry in entries}
            is_compacted = "compact" in (values.get("cleanup.policy") or "")
            kept[name] = None if is_compacted else int(values.get("retention.ms") or -HOUR_MS) / HOUR_MS
    return kept
