"""What the metrics say of jobs and their tasks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from clipmill_ingest import metrics
from clipmill_ingest.ledger import QueueFullError
from clipmill_ingest.settings import IngestSettings
from harness.metrics import Measured, gauge
from world import World, hear

from clipmill.common.v1.common_pb2 import Warning as Remark
from clipmill.work.v1.work_pb2 import Stage, WorkerStatus
from clipmill_shared.errors import ClipmillError


@pytest.fixture
def counted() -> Measured:
    return Measured()


async def test_a_job_is_counted_with_its_tasks_and_what_they_took(world: World, counted: Measured) -> None:
    async with world.run():
        await world.ended((await world.submit(key="a", clips=2)).job_id)
        await world.ended((await world.submit(key="b", clips=2)).job_id)
    assert counted("clipmill.jobs.ended", state="COMPLETED", code="") == 2
    assert counted("clipmill.tasks.wait", stage="audio") == 4
    assert counted("clipmill.task.duration", stage="render", outcome="made") == 2
    # The second job asks for the same as the first.
    assert counted("clipmill.task.duration", stage="render", outcome="cached") == 2


async def test_lost_attempts_failed_jobs_and_warnings_are_counted(world: World, counted: Measured) -> None:
    async def crash(task: Any, report: Any) -> Any:
        raise ClipmillError("PART_CRASHED", "It crashed.", "Again.", retryable=True)

    async def remark(task: Any, report: Any) -> Any:
        result = await hear(task, report)
        result.answer.warnings.append(Remark(code="LANGUAGE_ASSUMED", message="English?", part="audio"))
        return result

    async with world.run(vision=crash, audio=remark):
        await world.ended((await world.submit()).job_id)
    assert counted("clipmill.jobs.ended", state="FAILED", code="PART_CRASHED") == 1
    assert counted("clipmill.tasks.lost", stage="vision", reason="failed") >= 3
    assert counted("clipmill.result.warnings", stage="audio", code="LANGUAGE_ASSUMED") >= 1


async def test_a_lapsed_lease_is_counted_as_such(tmp_path: Path, counted: Measured) -> None:
    world = World(tmp_path, IngestSettings(lease_s=0.2, retry_s=0, worker_live_s=60))
    async with world.run(scoring=None):
        async with world.database.transaction() as on:
            # Known, and gone: what is released to it lapses.
            status = WorkerStatus(worker_id="gone", stage=Stage.STAGE_SCORING, slots=1)
            await world.store.see_worker(on, status, time.time())
        job = await world.submit()
        await world.until(job.job_id, lambda _: counted("clipmill.tasks.lost", stage="scoring", reason="lapsed") >= 1)


async def test_a_refused_job_is_counted(tmp_path: Path, counted: Measured) -> None:
    world = World(tmp_path, IngestSettings(max_open_jobs=1))
    async with world.run(**{"import": None}):
        await world.submit(key="1")
        with pytest.raises(QueueFullError):
            await world.submit(key="2")
    assert counted("clipmill.jobs.refused") == 1


async def test_the_gauges_say_what_the_ledger_holds(world: World, counted: Measured) -> None:
    async with world.run(render=None):
        job = await world.submit(clips=2)
        await world.until(job.job_id, lambda job: len(job.stages) == 5)
        await metrics.Gauges(world.database, 1000, lambda: job.created_at.ToSeconds() + 100).measure_once()
    assert gauge("clipmill.jobs.open", state="RUNNING") == 1
    assert gauge("clipmill.jobs.open", state="QUEUED") == 0
    assert 98 <= gauge("clipmill.jobs.oldest") <= 101
    assert gauge("clipmill.tasks.open", stage="render", state="waiting") == 2
    assert gauge("clipmill.tasks.open", stage="audio", state="waiting") == 0
    assert gauge("clipmill.workers.slots", stage="audio") == 2
    url = world.database.url
    assert gauge("clipmill.outbox.waiting", database=url.username or Path(url.database or "").stem) >= 0
