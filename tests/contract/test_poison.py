"""What strangers may write with a plain Kafka client: it goes to the dead letters, and all else goes on."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import clipmill_catalog.service
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from clipmill_catalog.settings import CatalogSettings
from contract.backends import OUTPUT, UNORDERED, OnKafka, until
from google.protobuf.message import Message
from harness.kafka import Broker
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalyzed, AudioTask
from clipmill.clips.v1.clips_pb2 import ClipHead, ClipsScored
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1.jobs_pb2 import Job, JobProgress
from clipmill.media.v1.media_pb2 import MediaIngested
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import STAGE_AUDIO, Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Subscription, metrics
from clipmill_shared.bus.kafka import KafkaBus
from clipmill_shared.events import Event
from clipmill_shared.platform import Platform
from clipmill_shared.service import running
from clipmill_shared.work import StageWork, Worker

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]
TOPIC = topics.JOBS_PROGRESS
GOOD = JobProgress(sequence=1, job=Job(job_id="job-1", owner_id="ann"))
GOOD_JSON = json.dumps({"sequence": "1", "job": {"jobId": "job-1", "ownerId": "ann"}}).encode()


@dataclass(frozen=True)
class Record:
    """A record as a plain client writes it."""

    key: bytes | None
    body: bytes | None
    headers: dict[str, bytes | None]

    def but(self, **headers: bytes | None) -> Record:
        """With other headers; `...` cannot be written in a name, so `content_type` stands for content-type."""
        changed = {name.replace("content_", "content-"): value for name, value in headers.items()}
        return replace(self, headers=self.headers | changed)

    def without(self, name: str) -> Record:
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})


def record_of(message: Message, key: str, owner: str = "ann") -> Record:
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_type": message.DESCRIPTOR.full_name.encode(),
        "ce_source": b"/stranger",
        "ce_ownerid": owner.encode(),
        "content-type": b"application/protobuf",
    }
    return Record(key.encode(), message.SerializeToString(), headers)


OK = record_of(GOOD, "job-1")
JSON = replace(OK, body=GOOD_JSON).but(content_type=b"application/json")
BAD = {
    "unknown type: 'clipmill.jobs.v1.Unheard'": OK.but(ce_type=b"clipmill.jobs.v1.Unheard"),
    "unknown type: 'clipmill.jobs.v2.JobProgress'": OK.but(ce_type=b"clipmill.jobs.v2.JobProgress"),
    "wrong version: CloudEvents '0.3'": OK.but(ce_specversion=b"0.3"),
    "bad protobuf": replace(OK, body=b"\xff\xff\xff\xff"),
    "bad JSON": replace(JSON, body=b'{"job": '),
    "bad JSON: Failed to parse sequence": replace(JSON, body=b'{"sequence": [1]}'),
    "unknown content-type: 'text/csv'": OK.but(content_type=b"text/csv"),
    "missing header: ce_id": OK.without("ce_id"),
    "missing header: ce_type": OK.but(ce_type=b""),
    "missing header: ce_source": OK.but(ce_source=None),
    "missing header: ce_ownerid": OK.without("ce_ownerid"),
    "missing header: ce_specversion": Record(b"job-1", OK.body, {}),
    "bad header: not UTF-8": OK.but(ce_id=b"\xff\xfe"),
    "bad time: 'yesterday'": OK.but(ce_time=b"yesterday"),
    "no body": replace(OK, body=None),
    "no body at all": Record(None, None, {}),
    "oversize: 70000 bytes": replace(OK, body=b"x" * 70_000),
    "wrong key: b'job-2'": replace(OK, key=b"job-2"),
    "missing key": replace(OK, body=b""),
}
REASONS = ["no body" if reason == "no body at all" else reason for reason in BAD]


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event[Any]] = []

    async def __call__(self, event: Event[Any]) -> Sequence[Event[Any]]:
        self.events.append(event)
        return ()


@pytest.fixture
async def place(broker: Broker) -> AsyncIterator[OnKafka]:
    here = await OnKafka.prepared(broker.bootstrap)
    yield here
    await here.close()


@pytest.fixture
async def stranger(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, max_request_size=8 << 20)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
def dead_lettered(monkeypatch: pytest.MonkeyPatch) -> InMemoryMetricReader:
    """Collects the counter of dead letters, and nothing else."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("test")
    monkeypatch.setattr(metrics, "DEAD_LETTERED", meter.create_counter("dead"))
    return reader


def counted(reader: InMemoryMetricReader) -> int:
    data: Any = reader.get_metrics_data()
    return sum(
        point.value
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    )


async def write(place: OnKafka, stranger: AIOKafkaProducer, topic: Topic, *records: Record) -> None:
    """Into one partition, one behind another; in a batch each, because a producer's `send` refuses some of them."""
    for each in records:
        batch = stranger.create_batch()
        batch.append(key=each.key, value=each.body, timestamp=None, headers=list(each.headers.items()))
        batch.close()
        await (await stranger.send_batch(batch, place.prefix + topic.name, partition=0))


async def test_each_kind_of_bad_record_is_a_dead_letter_and_the_good_one_behind_it_is_handled(
    place: OnKafka, stranger: AIOKafkaProducer, dead_lettered: InMemoryMetricReader
) -> None:
    await KafkaBus(place.bootstrap, "setup", prefix=place.prefix).ensure_topics((TOPIC,))
    good = [OK.but(ce_id=f"{n}".encode()) for n in range(len(BAD))]
    await write(place, stranger, TOPIC, *(each for pair in zip(BAD.values(), good, strict=True) for each in pair))
    recorder = Recorder()
    async with place.bus().run(Subscription(TOPIC, "readers", recorder)):
        await until(lambda: len(recorder.events) == len(good))
    assert [event.id for event in recorder.events] == [f"{n}" for n in range(len(good))]
    for letter, reason, bad in zip(await letters_of(place, len(BAD)), REASONS, BAD.values(), strict=True):
        said = dict(letter.headers)
        assert said["clipmill-error"].decode().startswith(f"Poison: {reason}")
        # As it came: nothing is lost.
        assert (letter.key, letter.value or None) == (bad.key, bad.body or None)
        assert said.items() >= {name: value for name, value in bad.headers.items() if value is not None}.items()
    assert counted(dead_lettered) == len(BAD)
    assert await committed(place, TOPIC, "readers") == 2 * len(BAD)


async def test_a_header_whose_name_is_no_text_holds_nothing_up_and_nothing_beside_it_is_lost(
    place: OnKafka, stranger: AIOKafkaProducer
) -> None:
    await KafkaBus(place.bootstrap, "setup", prefix=place.prefix).ensure_topics((TOPIC,))
    # In every partition good ones before and behind; in one of them two that aiokafka cannot read, in one batch.
    for partition in range(TOPIC.partitions):
        for first in (0, 3):
            batch = stranger.create_batch()
            for n in range(first, first + 3):
                each = OK.but(ce_id=f"{partition}-{n}".encode())
                batch.append(key=each.key, value=each.body, timestamp=None, headers=list(each.headers.items()))
            await (await stranger.send_batch(batch, place.prefix + TOPIC.name, partition=partition))
            if partition == 1 and first == 0:
                unreadable = unreadable_batch(stranger, OK.but(ce_id=b"1-unreadable"), 2)
                await (await stranger.send_batch(unreadable, place.prefix + TOPIC.name, partition=partition))
    recorder = Recorder()
    async with place.bus().run(Subscription(TOPIC, "readers", recorder)):
        await until(lambda: len(recorder.events) >= 6 * TOPIC.partitions)
        await letters_of(place, 2)
    ids = sorted(event.id for event in recorder.events)
    assert ids == sorted(f"{partition}-{n}" for partition in range(TOPIC.partitions) for n in range(6))
    for letter, offset in zip(await letters_of(place, 2), (b"3", b"4"), strict=True):
        said = dict(letter.headers)
        assert said["clipmill-error"].startswith(b"Poison: bad header: a name that is not UTF-8")
        assert (said["clipmill-partition"], said["clipmill-offset"]) == (b"1", offset)


class _NoText(str):
    """A header's name that is written as bytes that are no UTF-8."""

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


def unreadable_batch(stranger: AIOKafkaProducer, each: Record, count: int) -> Any:
    batch = stranger.create_batch()
    # The builder in C takes no other names than real ones.
    batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 1 << 20)
    for offset in range(count):
        batch._builder.append(offset, None, each.key, each.body, [*each.headers.items(), (_NoText("bad"), b"1")])
    batch._relative_offset = count
    batch.close()
    return batch


async def letters_of(place: OnKafka, count: int) -> list[Any]:
    """The first dead letters of TOPIC, in the order of the records that they are about."""
    letters = []
    async for letter in place.records(TOPIC.dead_letters):
        letters.append(letter)
        if len(letters) == count:
            break
    return sorted(letters, key=lambda letter: int(dict(letter.headers)["clipmill-offset"]))


async def committed(place: OnKafka, topic: Topic, group: str) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=place.bootstrap, group_id=f"{place.prefix}{group}.{topic.name}")
    await consumer.start()
    try:
        return await consumer.committed(TopicPartition(place.prefix + topic.name, 0))
    finally:
        await consumer.stop()


async def test_what_a_newer_producer_adds_is_passed_over(place: OnKafka, stranger: AIOKafkaProducer) -> None:
    await KafkaBus(place.bootstrap, "setup", prefix=place.prefix).ensure_topics((TOPIC,))
    newer = {"sequence": 1, "job": {"jobId": "job-1", "ownerId": "ann", "state": "JOB_STATE_LATER", "new": {"a": 1}}}
    unknown_field = OK.body + b"\xfa\x3e\x05later" if OK.body else b""
    await write(
        place,
        stranger,
        TOPIC,
        replace(JSON, body=json.dumps(newer).encode()),
        replace(OK, body=unknown_field).but(**{"ce_later": b"1"}),
        replace(OK, key=None),
    )
    recorder = Recorder()
    async with place.bus().run(Subscription(TOPIC, "readers", recorder)):
        await until(lambda: len(recorder.events) == 3)
    assert [event.message.job.job_id for event in recorder.events] == ["job-1"] * 3
    assert recorder.events[0].message.job.state == 0


async def test_a_record_that_is_larger_than_the_topic_allows_is_refused_where_it_is_made(
    place: OnKafka, stranger: AIOKafkaProducer
) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        await write(place, stranger, UNORDERED, replace(OK, body=b"x" * 200_000))


async def test_records_larger_than_a_fetch_or_a_dead_letter_are_noted_and_do_not_block(
    place: OnKafka, stranger: AIOKafkaProducer
) -> None:
    # Made by someone else, with room for more than Clipmill's own have.
    admin = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    await admin.start()
    name = place.prefix + TOPIC.name
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": str(4 << 20)})])
    await admin.close()
    await KafkaBus(place.bootstrap, "setup", prefix=place.prefix).ensure_topics((TOPIC,))
    large = replace(OK, body=b"x" * (2 << 20))
    wordy = OK.but(ce_type=b"y" * (1 << 20))
    long_key = replace(OK, key=b"k" * (1 << 20))
    await write(place, stranger, TOPIC, large, wordy, long_key, OK)
    recorder = Recorder()
    async with place.bus().run(Subscription(TOPIC, "readers", recorder)):
        await until(lambda: bool(recorder.events))
    letters = [dict(letter.headers) for letter in await letters_of(place, 3)]
    assert letters[0]["clipmill-body-bytes"] == b"%d" % (2 << 20)
    assert letters[0]["ce_id"] == b"1"
    assert [letter["clipmill-error"].decode()[:20] for letter in letters] == [
        "Poison: oversize: 20",
        "Poison: unknown type",
        "Poison: wrong key: b",
    ]
    # Where the whole record lies, as long as its topic keeps it.
    assert [letter["clipmill-offset"] for letter in letters] == [b"0", b"1", b"2"]


async def test_a_task_whose_blob_is_missing_or_another_fails_and_says_so(
    place: OnKafka, stranger: AIOKafkaProducer, tmp_path: Path
) -> None:
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    there = await blobs.put_bytes("ann", b"speech", "audio/flac")
    other = await blobs.put_bytes("ann", b"others", "audio/flac")

    async def work(task: AudioTask, _report: object) -> AudioAnalyzed:
        async with blobs.local(task.speech):
            return AudioAnalyzed()

    def task(number: int, ref: BlobRef) -> Record:
        header = Task(owner_id="ann", job_id="job", task_id=f"task-{number}", stage=STAGE_AUDIO, attempt=1)
        header.lease_until.FromSeconds(int(time.time()) + 60)
        # Each asks for something else, so that none is answered with another's result.
        return record_of(AudioTask(task=header, speech=ref, language=f"{number}"), header.task_id)

    def changed(**fields: Any) -> BlobRef:
        ref = BlobRef()
        ref.CopyFrom(there)
        for name, value in fields.items():
            setattr(ref, name, value)
        return ref

    refs = [
        changed(uri=there.uri.replace(there.sha256, "0" * 64), sha256="0" * 64),
        changed(sha256=other.sha256),
        changed(size_bytes=7),
        changed(uri="blob:../../etc/passwd"),
        changed(uri="file:/etc/passwd"),
        BlobRef(),
    ]
    await KafkaBus(place.bootstrap, "setup", prefix=place.prefix).ensure_topics((topics.AUDIO_ANALYZED,))
    await write(place, stranger, UNORDERED, *(task(n, ref) for n, ref in enumerate([*refs, there])))
    bus, results, failures = place.bus(), Recorder(), Recorder()
    stage = StageWork(STAGE_AUDIO, "audio", UNORDERED, topics.AUDIO_ANALYZED, "1", work)
    tasks, _ = Worker(stage, bus, blobs, 1, "worker").subscriptions
    async with bus.run(
        tasks, Subscription(topics.AUDIO_ANALYZED, "results", results), Subscription(OUTPUT, "failures", failures)
    ):
        await until(lambda: bool(results.events) and len(failures.events) == len(refs))
    assert [event.message.task.task_id for event in results.events] == [f"task-{len(refs)}"]
    codes = {event.message.task.task_id: event.message.failure.code for event in failures.events}
    assert codes == {f"task-{n}": "BLOB_MISSING" for n in range(len(refs))} | {"task-4": "INPUT_NOT_UNDER_IMPORT_ROOT"}


async def test_the_catalog_buries_results_whose_blob_is_missing_or_another_and_goes_on(
    place: OnKafka, stranger: AIOKafkaProducer, tmp_path: Path
) -> None:
    await KafkaBus(place.bootstrap, "setup", prefix=place.prefix).ensure_topics()
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    there = await blobs.put_bytes("ann", b"\xff\xff no ScoredClips", "application/protobuf")
    missing = BlobRef(uri=there.uri.replace(there.sha256, "0" * 64), sha256="0" * 64, size_bytes=9)
    header = Task(owner_id="ann", job_id="job", task_id="scoring", attempt=1)
    scored = [
        ClipsScored(task=header, video_id="v", scored=ref, clips=[ClipHead(clip_id="c")]) for ref in (missing, there)
    ]
    ingested = MediaIngested(task=Task(owner_id="ann", job_id="job", task_id="import"), video_id="v", name="talk")
    bus = place.bus()
    platform = Platform(bus, blobs, f"sqlite+aiosqlite:///{tmp_path}/{{service}}.db", tmp_path / "scratch", "test")
    changes = Recorder()
    await write(place, stranger, topics.CLIPS_SCORED, *(record_of(message, "job") for message in scored))
    await write(place, stranger, topics.MEDIA_INGESTED, record_of(ingested, "job"))
    async with (
        running([clipmill_catalog.service.build(CatalogSettings(), platform)], bus),
        bus.run(Subscription(topics.CATALOG_CHANGES, "readers", changes)),
    ):
        letters = await place.dead_letters(topics.CLIPS_SCORED, 2)
        await until(lambda: bool(changes.events))
    assert [letter.error.split(":")[0] for letter in letters] == ["BlobMissingError"] * 2
    assert await committed(place, topics.CLIPS_SCORED, "catalog") == 2
