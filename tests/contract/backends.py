"""The two places where buses meet, seen alike by the tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioTask
from clipmill.jobs.v1.jobs_pb2 import JobRequest
from clipmill.models.v1.models_pb2 import ModelAliases
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import JobControl, Task, TaskFailed
from clipmill_shared.bus import Bus
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.bus.kafka import KafkaBus
from clipmill_shared.events import Event

# Quick retries: the schedule itself is a unit test's matter.
BACKOFF = Backoff(first_s=0.02, factor=1.0)
GRACE_S = 0.5
PATIENCE_S = 30.0
ORDERED, UNORDERED, OUTPUT, CONTROL, COMPACTED = (
    topics.INGEST_REQUESTS,
    topics.AUDIO_TASKS,
    topics.TASKS_FAILED,
    topics.JOBS_CONTROL,
    topics.MODELS_ALIASES,
)


@dataclass(frozen=True)
class DeadLetter:
    """What both backends say of a record that was given up."""

    key: str
    attempts: int
    error: str
    topic: str
    group: str
    partition: int
    offset: int


class Backend(Protocol):
    """A place where buses meet."""

    def bus(self) -> Bus:
        """The bus of another process (in process: of the same one)."""
        ...

    async def dead_letters(self, topic: Topic, count: int) -> Sequence[DeadLetter]:
        """The first `count` dead letters of a topic, waited for."""
        ...

    async def close(self) -> None: ...


@dataclass
class InProcess:
    shared: InProcessBus = field(default_factory=lambda: InProcessBus(GRACE_S, backoff=BACKOFF))

    def bus(self) -> Bus:
        return self.shared

    async def dead_letters(self, topic: Topic, count: int) -> Sequence[DeadLetter]:
        await until(lambda: len(self.shared.dead_letters) >= count)
        letters = []
        for letter in self.shared.dead_letters:
            assert letter.event.topic is topic
            place = letter.event.position
            assert place is not None
            error = f"{type(letter.error).__name__}: {letter.error}"
            letters.append(
                DeadLetter(
                    letter.event.key, letter.attempts, error, topic.name, letter.group, place.partition, place.offset
                )
            )
        return letters

    async def close(self) -> None:
        await self.shared.close()


@dataclass
class OnKafka:
    """A prefix of its own on a shared broker."""

    bootstrap: str
    prefix: str
    buses: list[KafkaBus] = field(default_factory=list)

    @staticmethod
    async def prepared(bootstrap: str) -> OnKafka:
        here = OnKafka(bootstrap, f"{uuid4().hex[:8]}.")
        await KafkaBus(bootstrap, "setup", prefix=here.prefix).ensure_topics(
            (ORDERED, UNORDERED, OUTPUT, CONTROL, COMPACTED)
        )
        return here

    def bus(self) -> Bus:
        bus = KafkaBus(
            self.bootstrap, f"process-{len(self.buses)}", grace_s=GRACE_S, backoff=BACKOFF, prefix=self.prefix
        )
        self.buses.append(bus)
        return bus

    async def dead_letters(self, topic: Topic, count: int) -> Sequence[DeadLetter]:
        letters = []
        async for record in self.records(topic.dead_letters):
            said = {name: value.decode() for name, value in record.headers}
            letters.append(
                DeadLetter(
                    record.key.decode(),
                    int(said["clipmill-attempts"]),
                    said["clipmill-error"],
                    said["clipmill-topic"],
                    said["clipmill-group"],
                    int(said["clipmill-partition"]),
                    int(said["clipmill-offset"]),
                )
            )
            if len(letters) == count:
                break
        return letters

    async def records(self, topic: str) -> AsyncIterator[Any]:
        """A topic's records, as a stranger reads them."""
        consumer = AIOKafkaConsumer(
            self.prefix + topic, bootstrap_servers=self.bootstrap, auto_offset_reset="earliest", group_id=None
        )
        await consumer.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                async for record in consumer:
                    yield record
        finally:
            await consumer.stop()

    async def write(self, topic: Topic, key: bytes, body: bytes, headers: dict[str, str]) -> None:
        """Write what a stranger may write."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            pairs = [(name, value.encode()) for name, value in headers.items()]
            await producer.send_and_wait(self.prefix + topic.name, body, key=key, headers=pairs)
        finally:
            await producer.stop()

    async def close(self) -> None:
        for bus in self.buses:
            await bus.close()


def request(key: str, number: int) -> Event[Any]:
    """An event of an ordered topic; its id says key and number."""
    message = JobRequest(owner_id=key, idempotency_key=str(number))
    return Event(ORDERED, message, f"{key}-{number}", key, "/test")


def task(number: int) -> Event[Any]:
    """An event of an unordered topic."""
    header = Task(owner_id="olga", job_id="job", task_id=f"task-{number}")
    return Event(UNORDERED, AudioTask(task=header), f"task-{number}", "olga", "/test")


def failed(number: int) -> Event[Any]:
    """What a handler of the tests returns."""
    header = Task(owner_id="olga", job_id="job", task_id=f"task-{number}")
    return Event(OUTPUT, TaskFailed(task=header), f"failed-{number}", "olga", "/test")


def aliases(generation: int) -> Event[Any]:
    """An event of a compacted topic."""
    message = ModelAliases(model="faces", generation=generation)
    return Event(COMPACTED, message, f"aliases-{generation}", "olga", "/test")


def control(number: int) -> Event[Any]:
    """An event that every process should hear."""
    return Event(CONTROL, JobControl(owner_id="olga", job_id=f"job-{number}"), f"control-{number}", "olga", "/test")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come to pass; TimeoutError when it has not after a long time."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)
