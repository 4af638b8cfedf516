"""What a broker has of the topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from clipmill.topic import Topic
from clipmill_cli.kafka.letters import ANSWER_MS, dead_letters
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
    """By name, the topics that are there. Error: KAFKA_UNREACHABLE."""
    async with dead_letters(bootstrap, prefix) as letters:
        waiting = [letter.topic for letter in await letters.waiting(topics)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS)
    await consumer.start()
    try:
        await admin.start()
        try:
            there = (await identify(bootstrap, [prefix + topic.name for topic in topics])).partitions
            retention = await _retention_h(admin, list(there))
            return {
                topic.name: await _on_broker(consumer, name, there[name], retention[name], waiting.count(topic.name))
                for topic in topics
                if (name := prefix + topic.name) in there
            }
        finally:
            await admin.close()
    finally:
        await consumer.stop()


async def _on_broker(
    consumer: AIOKafkaConsumer, name: str, partitions: int, retention_h: float | None, waiting: int
) -> OnBroker:
    places = [TopicPartition(name, number) for number in range(partitions)]
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    return OnBroker(partitions, sum(begins.values()), sum(ends.values()), retention_h, waiting)


async def _retention_h(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, float | None]:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    kept: dict[str, float | None] = {}
    for answer in answers:
        for _code, _message, _kind, name, entries in answer.resources:
            values = {entry[0]: entry[1] for entry in entries}
            is_compacted = "compact" in (values.get("cleanup.policy") or "")
            kept[name] = None if is_compacted else int(values.get("retention.ms") or -HOUR_MS) / HOUR_MS
    return kept
