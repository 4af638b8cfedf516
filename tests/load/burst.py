"""Many jobs at once: they queue, run and finish, memory stays flat, and what is beyond the queue is refused."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from faults.load import Load
from faults.system import SERVICES, System

from clipmill.client import FINAL_STATES, ClipmillRpcError
from clipmill.jobs.v1.jobs_pb2 import JobState

SIDE_BY_SIDE = 32
LOOK_EVERY_S = 2.0
PATIENCE_S = 900.0
QUICK = {"STAND_IN_SECONDS": "0.02", "STAND_IN_SLOTS": "4", "STAND_IN_LOG": "WARNING"}


@dataclass(frozen=True)
class Burst:
    """`peak_mb`: the most memory that each process had at once."""

    jobs: int
    submitted_s: float
    ended_s: float
    states: dict[str, int]
    peak_mb: dict[str, float]


async def burst(folder: Path, count: int) -> Burst:
    """Submit `count` jobs as fast as they are taken, and wait until all have ended."""
    async with System(folder, QUICK).running() as system:
        load = Load(system, seed=count)
        began = time.monotonic()
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def submit(number: int) -> None:
            async with gate:
                await load.submit(f"job-{number}")

        await asyncio.gather(*(submit(number) for number in range(count)))
        submitted_s = time.monotonic() - began
        states: Counter[str] = Counter()
        async with asyncio.timeout(PATIENCE_S):
            while sum(states.values()) < count:
                await asyncio.sleep(LOOK_EVERY_S)
                states = Counter([job.state async for job in system.jobs.list_jobs(sorted(FINAL_STATES))])
        ended_s = time.monotonic() - began
        peaks = {name: round(system.children[name].peak_bytes / 1e6, 1) for name in SERVICES}
    named = {JobState.Name(state).removeprefix("JOB_STATE_"): number for state, number in states.items()}
    return Burst(count, round(submitted_s, 1), round(ended_s, 1), named, peaks)


@dataclass(frozen=True)
class Refusal:
    taken: int
    refused: int
    codes: tuple[str, ...]
    # The least that a refused one was told to wait.
    retry_after_s: float | None


async def refusal(folder: Path, room: int, count: int) -> Refusal:
    """Submit `count` jobs to a queue that takes `room`."""
    slow = {**QUICK, "STAND_IN_SECONDS": "20", "CLIPMILL_INGEST_MAX_OPEN_JOBS": str(room)}
    async with System(folder, slow).running() as system:
        refused: list[ClipmillRpcError] = []
        for number in range(count):
            path = system.videos / f"{number}.mp4"
            path.write_text(f"talk {number}")
            try:
                await system.jobs.submit(path=str(path))
            except ClipmillRpcError as error:
                refused.append(error)
    codes = tuple(sorted({str(error.status) for error in refused}))
    waits = [error.retry_after_s for error in refused if error.retry_after_s is not None]
    return Refusal(count - len(refused), len(refused), codes, min(waits, default=None))
