"""PostgreSQL restarts under a ledger that works: every job ends well."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.postgres import Postgres
from world import World, score

from clipmill.jobs.v1.jobs_pb2 import JobState


@pytest.fixture
def restarting(postgres: Postgres) -> Iterator[Postgres]:
    yield postgres
    postgres.server.start()


@pytest.mark.real
async def test_jobs_complete_across_restarts_of_their_database(tmp_path: Path, restarting: Postgres) -> None:
    async def slowly(task: Any, report: Any) -> Any:
        await asyncio.sleep(0.2)
        return await score(task, report)

    world = World(tmp_path, sql_url=await restarting.url())
    async with world.run(scoring=slowly):
        for stop in (restarting.stop, restarting.server.stop):
            jobs = [await world.submit(key=f"{stop} {n}") for n in range(4)]
            await world.until(jobs[0].job_id, lambda job: job.state == JobState.JOB_STATE_RUNNING)
            stop()
            await asyncio.sleep(0.3)
            restarting.server.start()
            for job in jobs:
                ended = await world.ended(job.job_id)
                assert ended.state == JobState.JOB_STATE_COMPLETED, ended
                sequences = [event.sequence for event in await world.history(job.job_id)]
                assert sequences == list(range(1, len(sequences) + 1))
