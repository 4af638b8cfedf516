"""What a broker has lost is said again, as it was said before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from clipmill_ingest.redrive import STAGE_OF
from clipmill_ingest.tables import outbox, tasks
from sqlalchemy import func, select
from world import World

from clipmill import topics
from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill.work.v1.work_pb2 import Stage, WorkerStatus
from clipmill_shared.bus import Subscription
from clipmill_shared.events import Event

RESULTS = [topic for topic in topics.ALL if topic.name in STAGE_OF]


@asynccontextmanager
async def heard(world: World, *of: Any) -> AsyncIterator[dict[str, bytes]]:
    """By event id, what others hear on the world's bus."""
    said: dict[str, bytes] = {}

    async def hear(event: Event[Any]) -> tuple[()]:
        content = event.message.SerializeToString(deterministic=True)
        assert said.setdefault(event.id, content) == content
        return ()

    async with world.bus.run(*(Subscription(topic, "listener", hear) for topic in of)):
        yield said


async def test_the_results_of_a_job_reach_who_reads_the_new_broker_with_their_ids(tmp_path: Path, sql_url: str) -> None:
    before, after = World(tmp_path, sql_url=sql_url), World(tmp_path, sql_url=sql_url)
    async with heard(before, *RESULTS, topics.JOBS_PROGRESS) as said, before.run():
        job = await before.ended((await before.submit()).job_id)
        last = (await before.history(job.job_id))[-1].SerializeToString(deterministic=True)
    # Another bus is another broker, and an empty one.
    async with heard(after, *RESULTS) as said_again, heard(after, topics.JOBS_PROGRESS) as standing, after.run():
        async with asyncio.timeout(30):
            while len(said_again) < 8 or not standing:
                await asyncio.sleep(0.01)
        assert await after.job(job.job_id) == job
    assert said_again.items() <= said.items()
    assert list(standing.values()) == [last]


async def test_a_task_that_was_lost_on_its_way_goes_out_again_at_no_cost(tmp_path: Path, sql_url: str) -> None:
    before, after = World(tmp_path, sql_url=sql_url), World(tmp_path, sql_url=sql_url)
    async with heard(before, topics.IMPORT_TASKS) as released, before.run(**{"import": None}):
        job = await before.submit()
        status = WorkerStatus(worker_id="w", stage=Stage.STAGE_IMPORT, slots=1)
        await before.bus.publish(Event(topics.WORKERS_STATUS, status, "s", "clipmill", "/test"))
        await before.until(job.job_id, lambda _: bool(released))
        # What is still in the outbox would go out as the same attempt.
        left = 1
        while left:
            async with before.database.reading() as on:
                left = (await on.execute(select(func.count()).select_from(outbox))).scalar_one()
    async with after.run():
        assert (await after.ended(job.job_id)).state == JobState.JOB_STATE_COMPLETED
        async with after.database.reading() as on:
            query = select(tasks.c.attempt, tasks.c.losses).where(tasks.c.stage == Stage.STAGE_IMPORT)
            assert (await on.execute(query)).one() == (2, 0)
