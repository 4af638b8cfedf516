"""Seeing by Kafka alone: a plain client (protobuf, and nothing else of the project) writes a task to a process of the
vision service and reads the answer, and there is no ingest; docs/vision.md."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from harness.kafka import Broker
from videos import write_video

from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis, VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import STAGE_VISION, Task, TaskFailed
from clipmill_shared.compute.tied import tied

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]
READY_S = 60.0


class Client:
    """Knows the topics' names and their messages."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self._bootstrap = broker.bootstrap
        self._prefix = prefix

    async def ask(self, task: VisionTask) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap)
        await producer.start()
        headers = {
            "ce_specversion": "1.0",
            "ce_id": task.task.task_id,
            "ce_type": "clipmill.vision.v1.VisionTask",
            "ce_source": "/mine",
            "ce_ownerid": task.task.owner_id,
            "content-type": "application/protobuf",
        }
        await producer.send_and_wait(
            f"{self._prefix}vision.tasks.v1",
            task.SerializeToString(),
            key=task.task.task_id.encode(),
            headers=[(name, value.encode()) for name, value in headers.items()],
        )
        await producer.stop()

    async def answer(self, topic: str, to: VisionTask) -> bytes:
        """The record that is keyed by the task."""
        consumer = AIOKafkaConsumer(
            self._prefix + topic, bootstrap_servers=self._bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            async with asyncio.timeout(60):
                async for record in consumer:
                    if TaskFailed.FromString(record.value).task.task_id == to.task.task_id:
                        return record.value
            raise AssertionError("a consumer does not end")
        finally:
            await consumer.stop()

    async def failure(self, to: VisionTask) -> str:
        return TaskFailed.FromString(await self.answer("tasks.failed.v1", to)).failure.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="module")
def client(broker: Broker, folder: Path) -> Iterator[Client]:
    """A plain client; beside it the vision service, as a process that an operator starts, and nothing else."""
    prefix = f"{uuid4().hex[:8]}."
    settings = {
        "KAFKA_BOOTSTRAP": broker.bootstrap,
        "KAFKA_PREFIX": prefix,
        "DATA_DIR": folder / "data",
        "BLOBS_URL": (folder / "blobs").as_uri(),
        "IMPORT_ROOTS": folder,
        "VISION_SLOTS": 1,
    }
    environment = os.environ | {f"CLIPMILL_{name}": str(value) for name, value in settings.items()}
    up, log = folder / "up.json", folder / "vision.log"
    command = [sys.executable, "-m", "clipmill_cli.main", "service", "vision", "--announce", str(up)]
    with log.open("wb") as out, subprocess.Popen(tied(command), env=environment, stdout=out, stderr=out) as process:
        deadline = time.monotonic() + READY_S
        while not up.exists():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
        yield Client(broker, prefix)
        process.terminate()
        assert process.wait(READY_S) == 0, log.read_text()[-2000:]


def task_for(name: str, uri: str, size_bytes: int) -> VisionTask:
    task = VisionTask(
        task=Task(owner_id="ann", job_id="mine-1", task_id=name, stage=STAGE_VISION, attempt=1),
        source=BlobRef(uri=uri, size_bytes=size_bytes, sha256="0" * 64),
        part=TimeRange(start_s=0, end_s=3),
        display_width=320,
        display_height=180,
    )
    task.task.lease_until.FromSeconds(int(time.time()) + 60)
    return task


async def test_a_task_from_anywhere_is_answered_with_what_is_seen(client: Client, folder: Path):
    path = write_video(folder / "talk.mp4", seconds=3)
    task = task_for("mine-1/0", f"file:{path}", path.stat().st_size)
    await client.ask(task)
    answer = VisionAnalyzed.FromString(await client.answer("vision.analyzed.v1", task))
    assert answer.task == task.task
    assert answer.shots == 3
    # Where a store of files keeps what the reference names.
    kept = folder / "blobs" / answer.analysis.uri.removeprefix("blob:")
    analysis = VisionAnalysis.FromString(kept.read_bytes())
    assert [shot.range.start_s for shot in analysis.shots] == pytest.approx([0, 1, 2], abs=0.01)


async def test_what_is_no_video_is_answered_so(client: Client, folder: Path):
    path = folder / "notes.mp4"
    path.write_text("no video\n" * 99)
    task = task_for("mine-1/1", f"file:{path}", path.stat().st_size)
    await client.ask(task)
    assert await client.failure(task) == "INPUT_UNREADABLE"


@pytest.mark.parametrize(
    ("name", "uri", "code"),
    [
        ("gone", "file:{folder}/gone.mp4", "INPUT_NOT_FOUND"),
        ("elsewhere", "file:/etc/passwd", "INPUT_NOT_UNDER_IMPORT_ROOT"),
        ("upwards", "file:{folder}/../../../../../../../etc/passwd", "INPUT_NOT_UNDER_IMPORT_ROOT"),
        ("another owner", "blob:bob/00/0000", "BLOB_MISSING"),
        ("nothing kept", "blob:ann/00/0000", "BLOB_MISSING"),
        ("web", "https://example.org/talk.mp4", "BLOB_MISSING"),
        ("none", "", "BLOB_MISSING"),
    ],
)
async def test_a_bad_reference_is_answered_with_what_is_wrong(
    client: Client, folder: Path, name: str, uri: str, code: str
):
    task = task_for(f"mine-1/{name}", uri.format(folder=folder), 1000)
    await client.ask(task)
    assert await client.failure(task) == code
