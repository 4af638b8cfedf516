"""What Kafka says of a running system: how far its groups are behind, what nobody could handle, who works."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from clipmill import topics
from clipmill.work.v1.work_pb2 import Stage, WorkerStatus
from clipmill_cli.kafka.letters import DeadLetters

# A worker that was not heard of for so long is not counted; ingest gives it no tasks either.
LIVE_S = 5.0
STATUSES_READ = 1000
ANSWER_MS = 5000


@dataclass(frozen=True)
class GroupLag:
    """Records that a group of consumers has yet to handle."""

    group: str
    topic: str
    records: int


@dataclass(frozen=True)
class WaitingLetters:
    """Records of a topic that nobody could handle, and that were not sent again."""

    topic: str
    records: int


@dataclass(frozen=True)
class LiveWorker:
    """A worker as it said within the last seconds: tasks that it holds, and places to work on them."""

    worker_id: str
    stage: str
    slots: int
    tasks: int


@dataclass(frozen=True)
class Inspected:
    lags: tuple[GroupLag, ...]
    dead_letters: tuple[WaitingLetters, ...]
    workers: tuple[LiveWorker, ...]


async def inspected(bootstrap: str, prefix: str) -> Inspected:
    """Ask the cluster. KafkaError when it does not answer."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS, enable_auto_commit=False)
    try:
        await admin.start()
        await consumer.start()
        there = await consumer.topics()
        return Inspected(
            await _lags(admin, consumer, prefix),
            await _dead_letters(DeadLetters(bootstrap, prefix, consumer)),
            await _workers(consumer, prefix, there),
        )
    finally:
        # One that never got to the broker complains when it is thrown away without this.
        await consumer.stop()
        await admin.close()


async def _lags(admin: AIOKafkaAdminClient, consumer: Any, prefix: str) -> tuple[GroupLag, ...]:
    lags: list[GroupLag] = []
    names = sorted(group for group, *_ in await admin.list_consumer_groups() if group.startswith(prefix))
    for topic in topics.ALL:
        for name in names:
            if not name.endswith(f".{topic.name}"):
                continue
            committed = await admin.list_consumer_group_offsets(name)
            ends = await consumer.end_offsets(list(committed))
            behind = sum(max(0, ends[at] - said.offset) for at, said in committed.items())
            lags.append(GroupLag(name.removeprefix(prefix).removesuffix(f".{topic.name}"), topic.name, behind))
    return tuple(lags)


async def _dead_letters(letters: DeadLetters) -> tuple[WaitingLetters, ...]:
    waiting = Counter(letter.topic for letter in await letters.waiting())
    return tuple(WaitingLetters(name, count) for name, count in waiting.items())


async def _workers(consumer: Any, prefix: str, there: Iterable[str]) -> tuple[LiveWorker, ...]:
    place = TopicPartition(prefix + topics.WORKERS_STATUS.name, 0)
    if place.topic not in set(there):
        return ()
    begin, end = (await consumer.beginning_offsets([place]))[place], (await consumer.end_offsets([place]))[place]
    consumer.assign([place])
    consumer.seek(place, max(begin, end - STATUSES_READ))
    last: dict[str, WorkerStatus] = {}
    while await consumer.position(place) < end:
        for records in (await consumer.getmany(timeout_ms=ANSWER_MS)).values():
            for record in records:
                status = WorkerStatus.FromString(record.value or b"")
                last[status.worker_id] = status
    now = time.time()
    return tuple(
        LiveWorker(name, Stage.Name(status.stage).removeprefix("STAGE_").lower(), status.slots, len(status.leases))
        for name, status in sorted(last.items(), key=lambda item: (item[1].stage, item[0]))
        if not status.leaving and now - status.sent_at.ToMicroseconds() / 1e6 < LIVE_S
    )
