"""Hearing by Kafka alone: a plain client (protobuf, and nothing else of the project) puts a sound into the object
store, writes a task to a process of the audio service and reads the answer, and there is no ingest;
docs/transcription.md."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import av
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from harness.kafka import Broker

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioAnalyzed, AudioTask
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.work.v1.work_pb2 import STAGE_AUDIO, Task, TaskFailed
from clipmill_shared.compute.tied import tied

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]
READY_S = 60.0
SAMPLE = Path(__file__).parents[2] / ".venv/sample/sample.mp4"


class Client:
    """Knows the topics' names, their messages, and where the object store is."""

    def __init__(self, broker: Broker, prefix: str, store: Path) -> None:
        self._bootstrap = broker.bootstrap
        self._prefix = prefix
        self._store = store

    def put(self, content: bytes) -> BlobRef:
        digest = hashlib.sha256(content).hexdigest()
        path = self._store / "ann" / "blobs" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return BlobRef(uri=f"blob:ann/blobs/{digest[:2]}/{digest}", size_bytes=len(content), sha256=digest)

    def get(self, ref: BlobRef) -> bytes:
        return (self._store / ref.uri.removeprefix("blob:")).read_bytes()

    async def ask(self, task: AudioTask) -> None:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": task.task.task_id,
            "ce_type": "clipmill.audio.v1.AudioTask",
            "ce_source": "/mine",
            "ce_ownerid": task.task.owner_id,
            "content-type": "application/protobuf",
        }
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap) as producer:
            await producer.send_and_wait(
                f"{self._prefix}audio.tasks.v1",
                task.SerializeToString(),
                key=task.task.task_id.encode(),
                headers=[(name, value.encode()) for name, value in headers.items()],
            )

    async def answer(self, topic: str, to: AudioTask) -> bytes:
        """The record that answers the task."""
        async with (
            AIOKafkaConsumer(
                self._prefix + topic, bootstrap_servers=self._bootstrap, auto_offset_reset="earliest"
            ) as consumer,
            asyncio.timeout(60),
        ):
            async for record in consumer:
                if TaskFailed.FromString(record.value).task.task_id == to.task.task_id:
                    return record.value
        raise AssertionError("a consumer does not end")

    async def failure(self, to: AudioTask) -> str:
        return TaskFailed.FromString(await self.answer("tasks.failed.v1", to)).failure.code


@pytest.fixture(scope="module")
def client(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A plain client; beside it the audio service, as a process that an operator starts, and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    prefix = f"{uuid4().hex[:8]}."
    settings = {
        "KAFKA_BOOTSTRAP": broker.bootstrap,
        "KAFKA_PREFIX": prefix,
        "DATA_DIR": folder / "data",
        "BLOBS_URL": (folder / "blobs").as_uri(),
        "IMPORT_ROOTS": folder,
        "AUDIO_SLOTS": 1,
    }
    environment = os.environ | {f"CLIPMILL_{name}": str(value) for name, value in settings.items()}
    up, log = folder / "up.json", folder / "audio.log"
    command = [sys.executable, "-m", "clipmill_cli.main", "service", "audio", "--announce", str(up)]
    with log.open("wb") as out, subprocess.Popen(tied(command), env=environment, stdout=out, stderr=out) as process:
        deadline = time.monotonic() + READY_S
        while not up.exists():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
        yield Client(broker, prefix, folder / "blobs")
        process.terminate()
        assert process.wait(READY_S) == 0, log.read_text()[-2000:]


def task_for(name: str, speech: BlobRef) -> AudioTask:
    task = AudioTask(
        task=Task(owner_id="ann", job_id="mine-1", task_id=name, stage=STAGE_AUDIO, attempt=1),
        speech=speech,
        part=TimeRange(start_s=0, end_s=11.4),
        language="en",
    )
    task.task.lease_until.FromSeconds(int(time.time()) + 60)
    return task


def speech_of_the_sample(path: Path) -> bytes:
    """As a client would make it with ffmpeg: 16 kHz mono FLAC."""
    with av.open(str(SAMPLE)) as talk, av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono", format="s16")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        for frame in talk.decode(audio=0):
            if (frame.time or 0.0) > 12:
                break
            for out in resampler.resample(frame):
                container.mux(stream.encode(out))
        container.mux(stream.encode(None))
    return path.read_bytes()


async def test_a_task_from_anywhere_is_answered_with_what_is_heard(client: Client, tmp_path: Path):
    task = task_for("mine-1/0", client.put(speech_of_the_sample(tmp_path / "speech.flac")))
    await client.ask(task)
    answer = AudioAnalyzed.FromString(await client.answer("audio.analyzed.v1", task))
    assert (answer.task.job_id, answer.language, answer.engine) == ("mine-1", "en", "moonshine")
    analysis = AudioAnalysis.FromString(client.get(answer.analysis))
    assert answer.words == len(analysis.words)
    said = " ".join(word.text for word in analysis.words)
    assert "You are not unlucky" in said and "supermarket" in said
    assert analysis.phrases and analysis.models and analysis.loudness.rms_db


async def test_what_is_not_there_is_another_owner_s_or_no_sound_is_answered_with_a_failure(client: Client):
    gone = task_for("mine-1/1", BlobRef(uri="blob:ann/blobs/00/" + "0" * 64, size_bytes=9, sha256="0" * 64))
    theirs = task_for("mine-1/2", BlobRef(uri="blob:bob/blobs/00/" + "0" * 64, size_bytes=9, sha256="0" * 64))
    noise = task_for("mine-1/3", client.put(b"no sound at all"))
    passwd = task_for("mine-1/4", BlobRef(uri="file:/etc/passwd", size_bytes=9, sha256="0" * 64))
    for task in (gone, theirs, noise, passwd):
        await client.ask(task)
    codes = [await client.failure(task) for task in (gone, theirs, noise, passwd)]
    assert codes == ["BLOB_MISSING", "BLOB_MISSING", "SPEECH_UNREADABLE", "INPUT_NOT_UNDER_IMPORT_ROOT"]


async def test_a_task_whose_lease_is_over_is_dropped_and_the_next_one_is_heard(client: Client, tmp_path: Path):
    speech = client.put(speech_of_the_sample(tmp_path / "speech.flac"))
    late, timely = task_for("mine-1/5", speech), task_for("mine-1/6", speech)
    late.task.lease_until.FromSeconds(int(time.time()) - 5)
    await client.ask(late)
    await client.ask(timely)
    assert AudioAnalyzed.FromString(await client.answer("audio.analyzed.v1", timely)).words > 20
