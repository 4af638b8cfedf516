"""Many who submit at the same time, on each database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from clipmill_ingest.ledger import QueueFullError
from clipmill_ingest.settings import IngestSettings
from world import World

from clipmill_shared.service import running


async def test_the_same_key_at_the_same_time_is_one_job(world: World) -> None:
    async with running([world.service], world.bus):
        jobs = await asyncio.gather(*(world.submit(key="k") for _ in range(12)))
    assert len({job.job_id for job in jobs}) == 1
    await world.bus.close()


async def test_no_more_are_admitted_at_once_than_may_be_open(tmp_path: Path, sql_url: str) -> None:
    world = World(tmp_path, IngestSettings(max_open_jobs=3), sql_url=sql_url)
    async with running([world.service], world.bus):
        answers = await asyncio.gather(*(world.submit(key=f"{n}") for n in range(12)), return_exceptions=True)
    assert sum(isinstance(answer, QueueFullError) for answer in answers) == 9
    await world.bus.close()
