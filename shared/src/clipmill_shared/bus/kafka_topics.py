"""Topics on a Kafka cluster: made as protos/topics.yaml says, and told apart when one is made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAlreadyExistsError, for_code

from clipmill.topic import Topic
from clipmill_shared.bus.codec import MAX_EVENT_BYTES
from clipmill_shared.bus.kafka_protocol import TopicIdsRequest
from clipmill_shared.errors import ClipmillError

# The body and room for its headers; a dead letter has more headers, and its body is let out when it is too large.
MAX_RECORD_BYTES = MAX_EVENT_BYTES + 16 * 1024
MAX_DEAD_LETTER_BYTES = 2 * MAX_RECORD_BYTES
DEAD_LETTERS_RETENTION_H = 14 * 24
REPLICAS = 3
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Identity:
    """Which cluster this is, and by name which topics; a topic that is deleted and made anew has another id."""

    cluster_id: str
    topic_ids: dict[str, str]
    partitions: dict[str, int]


async def ensure_topics(bootstrap: str, topics: Iterable[Topic], prefix: str = "") -> None:
    """Create the topics that are missing, each with its dead letters. Existing ones stay as they are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        wanted = [new for topic in topics for new in _new_topics(topic, prefix, min(REPLICAS, brokers))]
        response = await admin.create_topics(wanted)
        for name, code, *reason in response.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise ClipmillError(
                    "TOPIC_NOT_CREATED",
                    f"Kafka refuses the topic {name}: {reason[0] if reason else for_code(code).__name__}.",
                    "Create it as protos/topics.yaml says, or allow Clipmill to.",
                )
    finally:
        await admin.close()
    # The controller answers before every broker knows.
    names = {new.name for new in wanted}
    while len((await identify(bootstrap, names)).topic_ids) < len(names):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def identify(bootstrap: str, names: Collection[str]) -> Identity:
    """Ask the cluster who it is. Topics that it does not have are absent."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        response = await client.send(client.get_random_node(), TopicIdsRequest(sorted(names)))
    finally:
        await client.close()
    known = [topic for topic in response.topics if not topic[0]]
    return Identity(
        response.cluster_id,
        topic_ids={name: UUID(bytes=topic_id).hex for _, name, topic_id, *_ in known},
        partitions={name: len(partitions) for _, name, _, _, partitions, *_ in known},
    )


def _new_topics(topic: Topic, prefix: str, replicas: int) -> tuple[NewTopic, NewTopic]:
    if topic.retention_h is None:
        configs = {"cleanup.policy": "compact"}
    else:
        configs = {"retention.ms": str(topic.retention_h * _HOUR_MS)}
    return (
        NewTopic(
            prefix + topic.name,
            topic.partitions,
            replicas,
            topic_configs=configs | {"max.message.bytes": str(MAX_RECORD_BYTES)},
        ),
        NewTopic(
            prefix + topic.dead_letters,
            1,
            replicas,
            topic_configs={
                "retention.ms": str(DEAD_LETTERS_RETENTION_H * _HOUR_MS),
                "max.message.bytes": str(MAX_DEAD_LETTER_BYTES),
            },
        ),
    )
