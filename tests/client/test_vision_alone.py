"""Seeing by Kafka alone: a plain client writes a task and reads the answer, and there is no ingest; docs/vision.md."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import clipmill_vision.service
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from clipmill_vision.settings import VisionSettings
from harness.kafka import Broker
from videos import write_video

from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis, VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import STAGE_VISION, Task, TaskFailed
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus.kafka import KafkaBus
from clipmill_shared.platform import Platform
from clipmill_shared.service import running

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]


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

    async def answer(self, topic: str) -> bytes:
        consumer = AIOKafkaConsumer(
            self._prefix + topic, bootstrap_servers=self._bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            async with asyncio.timeout(60):
                return (await consumer.getone()).value
        finally:
            await consumer.stop()


@pytest_asyncio.fixture
async def client(broker: Broker, tmp_path: Path) -> AsyncIterator[Client]:
    """A plain client; beside it the vision service, and nothing else."""
    prefix = f"{uuid4().hex[:8]}."
    bus = KafkaBus(broker.bootstrap, "vision", prefix=prefix, grace_s=0.5)
    await bus.ensure_topics()
    blobs = Blobs.in_folder(tmp_path / "blobs", tmp_path / "scratch", (tmp_path,))
    platform = Platform(bus, blobs, "sqlite+aiosqlite:///unused", tmp_path / "scratch", "alone")
    async with running([clipmill_vision.service.build(VisionSettings(slots=1), platform)], bus):
        yield Client(broker, prefix)
    await bus.close()


def task_for(path: Path, size_bytes: int) -> VisionTask:
    task = VisionTask(
        task=Task(owner_id="ann", job_id="mine-1", task_id="mine-1/0", stage=STAGE_VISION, attempt=1),
        source=BlobRef(uri=f"file:{path}", size_bytes=size_bytes, sha256="0" * 64),
        part=TimeRange(start_s=0, end_s=3),
        display_width=320,
        display_height=180,
    )
    task.task.lease_until.FromSeconds(int(time.time()) + 60)
    return task


async def test_a_task_from_anywhere_is_answered_with_what_is_seen(client: Client, tmp_path: Path):
    path = write_video(tmp_path / "talk.mp4", seconds=3)
    task = task_for(path, path.stat().st_size)
    await client.ask(task)
    answer = VisionAnalyzed.FromString(await client.answer("vision.analyzed.v1"))
    assert answer.task == task.task
    assert answer.shots == 3
    analysis = await Blobs.in_folder(tmp_path / "blobs", tmp_path / "scratch").get_message(
        answer.analysis, VisionAnalysis
    )
    assert [shot.range.start_s for shot in analysis.shots] == pytest.approx([0, 1, 2], abs=0.01)


async def test_what_cannot_be_done_is_answered_with_its_reason(client: Client, tmp_path: Path):
    path = tmp_path / "notes.mp4"
    path.write_text("no video\n" * 99)
    await client.ask(task_for(path, path.stat().st_size))
    failed = TaskFailed.FromString(await client.answer("tasks.failed.v1"))
    assert (failed.task.task_id, failed.failure.code) == ("mine-1/0", "INPUT_UNREADABLE")
