"""Leases are counted by a clock that nobody sets, and only while workers could be heard."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from clipmill_ingest import rows, tables
from clipmill_ingest.clock import SteadyClock
from clipmill_ingest.domain import transitions
from clipmill_ingest.domain.record import TaskState
from clipmill_ingest.service import MIGRATIONS
from clipmill_ingest.settings import IngestSettings
from sqlalchemy import select, update
from world import World

from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill.media.v1.media_pb2 import MediaIngested
from clipmill.work.v1.work_pb2 import Lease, Stage, WorkerStatus
from clipmill_shared.schema import migrate

IMPORT = Stage.STAGE_IMPORT
RUNNING = JobState.JOB_STATE_RUNNING


class Hand(SteadyClock):
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def set(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
async def world(tmp_path: Path, clock: Hand) -> World:
    """The ledger with its database, and nobody who drives it but the test."""
    world = World(tmp_path, IngestSettings(retry_s=0))
    world.ledger._clock = clock
    await migrate(MIGRATIONS, world.database, tables.metadata)
    yield world
    await world.bus.close()
    await world.database.close()


def status(*leases: Lease, stage: Stage.ValueType = IMPORT, worker: str = "w") -> WorkerStatus:
    return WorkerStatus(worker_id=worker, stage=stage, slots=2, leases=leases)


async def released(world: World) -> Lease:
    """A job whose import is out; the lease on it that a worker may say it has."""
    job = await world.submit()
    await world.ledger._begin_anew()
    await world.ledger.take_status(status())
    await world.ledger.tick()
    (row,) = await task_rows(world)
    assert row.state == TaskState.RELEASED.value
    return Lease(job_id=job.job_id, task_id=row.task_id, attempt=row.attempt)


async def task_rows(world: World):
    async with world.database.reading() as on:
        return (await on.execute(select(tables.tasks))).all()


async def losses(world: World) -> int:
    return (await task_rows(world))[0].losses


async def heard_for(world: World, clock: Hand, seconds: int, *leases: Lease) -> None:
    """Some other worker says each second that it lives."""
    for _ in range(seconds):
        clock.now += 1
        await world.ledger.take_status(status(*leases, stage=Stage.STAGE_AUDIO, worker="other"))
        await world.ledger.tick()


async def test_a_lease_that_nobody_renews_lapses(world: World, clock: Hand) -> None:
    await released(world)
    await heard_for(world, clock, 19)
    assert await losses(world) == 0
    await heard_for(world, clock, 3)
    assert await losses(world) == 1


async def test_while_nobody_can_be_heard_nobody_is_lost(world: World, clock: Hand) -> None:
    await released(world)
    for _ in range(200):
        clock.now += 1
        await world.ledger.tick()
    assert await losses(world) == 0
    await heard_for(world, clock, 19)
    assert await losses(world) == 0
    await heard_for(world, clock, 3)
    assert await losses(world) == 1


async def test_what_was_not_renewed_while_the_ledger_was_down_is_not_lost(world: World, clock: Hand) -> None:
    lease = await released(world)
    clock.now += 3600
    await world.ledger._begin_anew()
    for _ in range(30):
        clock.now += 1
        await world.ledger.take_status(status(lease))
        await world.ledger.tick()
    assert await losses(world) == 0
    assert (await world.job(lease.job_id)).state == RUNNING


async def test_a_night_without_the_system_is_no_night_without_workers(world: World, clock: Hand) -> None:
    lease = await released(world)
    clock.now += 8 * 3600
    await world.ledger._begin_anew()
    await world.ledger.tick()
    assert (await world.job(lease.job_id)).state == RUNNING


async def test_no_task_waits_for_a_time_that_a_clock_wrote_which_was_set_back(world: World, clock: Hand) -> None:
    lease = await released(world)
    clock.now -= 3600
    await world.ledger._begin_anew()
    await heard_for(world, clock, 25)
    assert await losses(world) == 1
    assert (await world.job(lease.job_id)).state == RUNNING


def test_a_clock_that_is_set_does_not_move_the_ledger_s(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, wall = SteadyClock(), time.time
    before = clock()
    monkeypatch.setattr(time, "time", lambda: wall() + 7200)
    assert clock() - before < 60
    assert clock.set() > 7000
    assert clock() - before > 7000


async def test_a_lease_does_not_overwrite_the_result_that_came_meanwhile(world: World, clock: Hand) -> None:
    lease = await released(world)
    (row,) = await task_rows(world)
    task = rows.task_of(row)
    renewed = transitions.renew([task], status(lease), clock.now, world.ledger._rules)
    done = MediaIngested(video_id="v1")
    done.task.task_id, done.task.attempt, done.task.job_id = lease.task_id, lease.attempt, lease.job_id
    await world.ledger.take_result(done)
    async with world.database.transaction() as on:
        await world.store.renew(on, renewed)
    (after, *_) = await task_rows(world)
    assert after.state == TaskState.DONE.value
    assert after.result is not None


async def test_a_task_that_another_process_released_is_not_sent_again(world: World, clock: Hand) -> None:
    lease = await released(world)
    async with world.database.reading() as on:
        before = (await on.execute(select(tables.outbox.c.id))).all()
    async with world.database.transaction() as on:
        waiting = update(tables.tasks).values(state=TaskState.WAITING.value)
        await on.execute(waiting)
    async with world.database.reading() as on:
        chosen = await world.store.waiting(on, IMPORT, 2, clock.now)
    async with world.database.transaction() as on:
        await on.execute(update(tables.tasks).values(state=TaskState.RELEASED.value))
    await world.ledger._send([replace(each, task_id=lease.task_id) for each in chosen], clock.now)
    async with world.database.reading() as on:
        assert (await on.execute(select(tables.outbox.c.id))).all() == before


async def test_a_job_that_waits_its_turn_has_nothing_to_tell(world: World, clock: Hand) -> None:
    lease = await released(world)
    async with world.database.reading() as on:
        assert list(await world.store.to_tell(on, 0, clock.now + 10)) == [lease.job_id]
    async with world.database.transaction() as on:
        await on.execute(update(tables.tasks).values(state=TaskState.WAITING.value))
    async with world.database.reading() as on:
        assert list(await world.store.to_tell(on, 0, clock.now + 10)) == []
