"""The worker without ingest: whoever may write its topic has sounds heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from clipmill_audio.service import build
from clipmill_audio.settings import AudioSettings

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioAnalyzed, AudioTask
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.work.v1.work_pb2 import STAGE_AUDIO, Task, TaskFailed
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.events import Event
from clipmill_shared.platform import Platform
from clipmill_shared.service import running

from .sound_files import write_flac


def task(name: str, speech: BlobRef) -> Event[AudioTask]:
    header = Task(owner_id="ada", job_id="mine", task_id=name, stage=STAGE_AUDIO, attempt=1)
    header.lease_until.FromSeconds(int(time.time()) + 600)
    message = AudioTask(task=header, speech=speech, part=TimeRange(end_s=1.0), language="en")
    return Event(topics.AUDIO_TASKS, message, name, "ada", "/outside")


async def test_a_task_of_anybody_s_is_answered_with_its_analysis_or_its_failure(tmp_path: Path) -> None:
    bus = InProcessBus(grace_s=0.2)
    blobs = Blobs.in_folder(tmp_path / "blobs", tmp_path / "scratch")
    platform = Platform(bus, blobs, "sqlite+aiosqlite:///unused", tmp_path / "scratch", "here")
    speech = await blobs.put_file("ada", write_flac(tmp_path / "a.flac", np.zeros(16_000, np.int16)), "audio/flac")
    gone = BlobRef(uri="blob:ada/blobs/00/" + "0" * 64, size_bytes=9, sha256="0" * 64)
    answers: asyncio.Queue[AudioAnalyzed | TaskFailed] = asyncio.Queue()

    async def hear(event: Event[Any]) -> Sequence[Event[Any]]:
        answers.put_nowait(event.message)
        return ()

    reading = [Subscription(topic, "outside", hear) for topic in (topics.AUDIO_ANALYZED, topics.TASKS_FAILED)]
    async with running([build(AudioSettings(slots=1), platform)], bus), bus.run(*reading), asyncio.timeout(30):
        await bus.publish(task("heard", speech))
        analyzed = await answers.get()
        await bus.publish(task("failed", gone))
        failed = await answers.get()
    await bus.close()
    assert isinstance(analyzed, AudioAnalyzed) and isinstance(failed, TaskFailed)
    assert (analyzed.task.job_id, analyzed.task.task_id) == ("mine", "heard")
    analysis = await blobs.get_message(analyzed.analysis, AudioAnalysis)
    assert (list(analysis.words), len(analysis.loudness.rms_db)) == ([], 10)
    assert (failed.task.task_id, failed.failure.code) == ("failed", "BLOB_MISSING")
