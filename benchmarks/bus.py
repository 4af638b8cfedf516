"""The bus on a real Kafka beside bare aiokafka: throughput of both directions, and publish to handler at a steady rate.

Events of 1 KiB, traces sampled at 1%, metrics collected. Rounds of both alternate, and a ratio is the median over
pairs of rounds, because machines are noisy. Microseconds are of wall time, and of this process's CPU time (`cpu_us_`).
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from clipmill import topics
from clipmill.jobs.v1.jobs_pb2 import JOB_STATE_RUNNING, Job, JobProgress, StageProgress
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import STAGE_AUDIO, STAGE_VISION, Task
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.codec import encode
from clipmill_shared.bus.kafka import LINGER_MS, KafkaBus
from clipmill_shared.bus.kafka_reading import COMMIT_EVERY_S, GROUP_SETTINGS
from clipmill_shared.bus.kafka_topics import MAX_DEAD_LETTER_BYTES, MAX_RECORD_BYTES
from clipmill_shared.events import Event

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from harness.kafka import kafka

EVENTS = 30_000
ROUNDS = 7
# Jobs at a time: the keys of an ordered topic.
KEYS = 100
EVENT_BYTES = 1024
# As the outbox's relay publishes.
BATCH = 200
CONCURRENT = 64
# More than the cache of keys holds: those of tasks are new each time.
PRODUCED = 15_000
RATE_HZ = 100
LATENCY_EVENTS = 1000
GOAL = 0.8
# Tags and lengths of the field that fills an event up, and of the messages around it.
FIELD_BYTES = 8
ORDERED, UNORDERED, LATENCY = topics.JOBS_PROGRESS, topics.AUDIO_TASKS, topics.VISION_TASKS


@dataclass(frozen=True)
class Took:
    """Seconds that one round took, of wall time and of this process's CPU time."""

    wall_s: float
    cpu_s: float


@dataclass
class Counting:
    """The handler of both sides: looks at the message, and says when the last has come."""

    expected: int
    seen: Counter[str] = field(default_factory=Counter)
    count: int = 0
    began: tuple[float, float] = (0.0, 0.0)
    ended: asyncio.Future[Took] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def __call__(self, event: Any) -> Sequence[Event[Any]]:
        if not self.count:
            self.began = (time.perf_counter(), time.process_time())
        self.count += 1
        message = event.message
        self.seen[message.job.job_id if type(message) is JobProgress else message.video_id] += 1
        if self.count == self.expected:
            wall, cpu = self.began
            self.ended.set_result(Took(time.perf_counter() - wall, time.process_time() - cpu))
        return ()


@dataclass(frozen=True, slots=True)
class MessageAlone:
    """What the barest loop gives to a handler that asks for nothing but the message."""

    message: Any


def message_alone(topic: Topic, record: Any) -> MessageAlone:
    return MessageAlone(topic.message.FromString(record.value))


def event_by_hand(topic: Topic, record: Any) -> Event[Any]:
    """What handlers take, decoded as one would without a bus: no checks, no place in the log."""
    said = dict(record.headers)
    return Event(
        topic,
        topic.message.FromString(record.value),
        id=said["ce_id"].decode(),
        owner_id=said["ce_ownerid"].decode(),
        source=said["ce_source"].decode(),
        time=datetime.fromisoformat(said["ce_time"].decode()),
        traceparent=said["traceparent"].decode(),
    )


def event_of(topic: Topic, number: int) -> Event[Any]:
    """An event as services send it, filled up to a body of EVENT_BYTES, with a trace of which 1% is sampled."""
    job_id = f"job-{number % KEYS:028}"
    if topic is ORDERED:
        stages = [StageProgress(stage=s, progress=0.5, parts=8, parts_done=4) for s in (STAGE_AUDIO, STAGE_VISION)]
        job = Job(job_id=job_id, owner_id="olga", state=JOB_STATE_RUNNING, progress=0.4, stages=stages)
        job.clip_ids.extend(f"clip-{n:028}" for n in range(10))
        message: Any = JobProgress(sequence=number, job=job)
        message.job.source.url = "x" * (EVENT_BYTES - message.ByteSize() - FIELD_BYTES)
    else:
        task = Task(owner_id="olga", job_id=job_id, task_id=f"task-{number:027}", attempt=1)
        message = topic.message(task=task, video_id=job_id)
        ref = message.speech if topic is UNORDERED else message.source
        ref.uri = "x" * (EVENT_BYTES - message.ByteSize() - FIELD_BYTES)
    trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{number % 100 == 0:02x}"
    return Event(topic, message, f"{number:032}", "olga", "/bench", traceparent=trace)


async def consume_bare(
    bootstrap: str, prefix: str, topic: Topic, counting: Counting, decode: Callable[[Topic, Any], Any]
) -> Took:
    """Read, decode, handle, commit each second; nothing else."""
    consumer = AIOKafkaConsumer(
        prefix + topic.name,
        bootstrap_servers=bootstrap,
        group_id=uuid4().hex,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * MAX_RECORD_BYTES,
        **GROUP_SETTINGS,
    )
    await consumer.start()
    try:
        due = time.monotonic() + COMMIT_EVERY_S
        while not counting.ended.done():
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    await counting(decode(topic, record))
            if time.monotonic() >= due:
                await consumer.commit()
                due = time.monotonic() + COMMIT_EVERY_S
        return counting.ended.result()
    finally:
        await consumer.stop()


async def consume_bus(bus: KafkaBus, topic: Topic, counting: Counting) -> Took:
    async with bus.run(Subscription(topic, uuid4().hex, counting)):
        return await counting.ended


async def timed(work: Awaitable[Any]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    await work
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


async def produce_bare(producer: AIOKafkaProducer, prefix: str, events: list[Event[Any]], at_once: int) -> Took:
    """Send what the bus would send; encoding is not counted."""
    topic = prefix + events[0].topic.name
    records = [(record.body, record.key.encode(), list(record.headers)) for record in map(encode, events)]

    async def batch(some: list[tuple[bytes, bytes, list[tuple[str, bytes]]]]) -> None:
        sent = [await producer.send(topic, body, key=key, headers=headers) for body, key, headers in some]
        await asyncio.gather(*sent)

    return await timed(in_lanes(records, at_once, batch))


async def produce_bus(bus: KafkaBus, events: list[Event[Any]], at_once: int) -> Took:
    return await timed(in_lanes(events, at_once, lambda some: bus.publish(*some)))


async def in_lanes(items: list[Any], at_once: int, send: Callable[[list[Any]], Awaitable[None]]) -> None:
    """Batches one after another (`at_once` 0), or single events by that many senders side by side."""
    if not at_once:
        for first in range(0, len(items), BATCH):
            await send(items[first : first + BATCH])
        return

    async def lane(number: int) -> None:
        for item in items[number::at_once]:
            await send([item])

    await asyncio.gather(*(lane(number) for number in range(at_once)))


async def side_by_side(
    bare: Callable[[], Awaitable[Took]], ours: Callable[[], Awaitable[Took]], events: int
) -> dict[str, Any]:
    """Alternate rounds of both; the first pair only warms up."""
    pairs = []
    for number in range(ROUNDS + 1):
        gc.collect()
        if number % 2:
            first = await bare()
            pairs.append((first, await ours()))
        else:
            second = await ours()
            pairs.append((await bare(), second))
    pairs = pairs[1:]

    def micros(values: Sequence[float]) -> float:
        return round(statistics.median(values) / events * 1e6, 1)

    ratio = statistics.median(bare.wall_s / ours.wall_s for bare, ours in pairs)
    return {
        "ratio": round(ratio, 3),
        "ratio_cpu": round(statistics.median(bare.cpu_s / ours.cpu_s for bare, ours in pairs), 3),
        "us_per_event": micros([ours.wall_s for _, ours in pairs]),
        "us_per_event_bare": micros([bare.wall_s for bare, _ in pairs]),
        "cpu_us_per_event": micros([ours.cpu_s for _, ours in pairs]),
        "cpu_us_per_event_bare": micros([bare.cpu_s for bare, _ in pairs]),
    }


async def latency_ms(bus: KafkaBus) -> dict[str, float]:
    """Publish to handler, one event after another at RATE_HZ."""
    took: list[float] = []
    sent: dict[str, float] = {}
    begun, done = asyncio.Event(), asyncio.Event()

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        begun.set()
        if event.id in sent:
            took.append(time.perf_counter() - sent[event.id])
        if len(took) == LATENCY_EVENTS:
            done.set()
        return ()

    async with bus.run(Subscription(LATENCY, uuid4().hex, handler)):
        await bus.publish(event_of(LATENCY, 0))
        await begun.wait()
        first = time.perf_counter()
        async with asyncio.TaskGroup() as publishing:
            for number in range(1, LATENCY_EVENTS + 1):
                event = event_of(LATENCY, number)
                await asyncio.sleep(first + number / RATE_HZ - time.perf_counter())
                sent[event.id] = time.perf_counter()
                publishing.create_task(bus.publish(event))
        await done.wait()
    took.sort()
    return {"p50": round(took[len(took) // 2] * 1000, 1), "p99": round(took[len(took) * 99 // 100] * 1000, 1)}


def telemetry() -> None:
    """As in production: traces sampled at 1% and exported in batches (to nowhere), metrics collected."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    class Nowhere(SpanExporter):
        def export(self, spans: Sequence[Any]) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(0.01))
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))


async def measure(bootstrap: str) -> dict[str, Any]:
    prefix = "bench."
    bus = KafkaBus(bootstrap, "bench", prefix=prefix)
    await bus.ensure_topics((ORDERED, UNORDERED, LATENCY))
    result: dict[str, Any] = {"goal": GOAL, "publish_to_handler_ms": await latency_ms(bus)}
    events = {topic: [event_of(topic, number) for number in range(EVENTS)] for topic in (ORDERED, UNORDERED)}
    for name, topic in (("ordered", ORDERED), ("unordered", UNORDERED)):
        await in_lanes(events[topic], 0, lambda some: bus.publish(*some))
        for suffix, decode in (("", event_by_hand), ("_message_alone", message_alone)):
            result[f"consume_{name}{suffix}"] = await side_by_side(
                lambda topic=topic, decode=decode: consume_bare(bootstrap, prefix, topic, Counting(EVENTS), decode),
                lambda topic=topic: consume_bus(bus, topic, Counting(EVENTS)),
                EVENTS,
            )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=False,
        linger_ms=LINGER_MS,
        max_request_size=MAX_DEAD_LETTER_BYTES,
    )
    await producer.start()
    for name, at_once in (("batches", 0), ("concurrent", CONCURRENT)):
        # Keys that repeat, as those of results and progress do, and keys that are new each time, as those of tasks.
        for kind, topic in (("ordered", ORDERED), ("unordered", UNORDERED)):
            some = events[topic][:PRODUCED]
            result[f"produce_{name}_{kind}"] = await side_by_side(
                lambda some=some, at_once=at_once: produce_bare(producer, prefix, some, at_once),
                lambda some=some, at_once=at_once: produce_bus(bus, some, at_once),
                PRODUCED,
            )
    await producer.stop()
    await bus.close()
    return result


def main() -> None:
    logging.basicConfig(level=logging.CRITICAL)
    telemetry()
    with kafka() as broker:
        print(json.dumps(asyncio.run(measure(broker.bootstrap))))


if __name__ == "__main__":
    main()
