"""Who submits: unique jobs, steadily, each until it is accepted."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

from faults.system import System

from clipmill.client import FINAL_STATES, ClipmillRpcError
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.jobs.v1.jobs_pb2 import Job

PAUSE_S = 0.3


@dataclass
class Load:
    """Submits jobs to a system, and knows every one that was accepted."""

    system: System
    seed: int
    # What is submitted, each time made unique; without one a line of text, which is enough for the stand-ins.
    video: bytes = b""
    options: ClipOptions = field(default_factory=lambda: ClipOptions(clips=3))
    accepted: dict[str, str] = field(default_factory=dict)

    async def submit(self, key: str, content: bytes = b"", patience_s: float = 90.0) -> Job:
        """Submit one job until it is accepted; its idempotency key makes that one job however often it is asked for."""
        path = self.system.videos / f"{key}.mp4"
        path.write_bytes(content or self.video + _free_box(f"talk {self.seed} {key}".encode()))
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    job = await self.system.jobs.submit(
                        path=str(path), options=self.options, idempotency_key=f"{self.seed}-{key}"
                    )
                except ClipmillRpcError:
                    # Whatever it is, what was not accepted is asked for again, under the same key.
                    await asyncio.sleep(PAUSE_S)
                else:
                    self.accepted[job.job_id] = key
                    return job

    async def steadily(self, every_s: float) -> None:
        """Submit a job each `every_s`, until cancelled; one that waits to be accepted does not hold up the next."""
        number = 0
        async with asyncio.TaskGroup() as group:
            with suppress(asyncio.CancelledError):
                while True:
                    number += 1
                    group.create_task(self.submit(f"steady-{number}"))
                    await asyncio.sleep(every_s)

    async def ended(self, job_id: str, patience_s: float) -> Job | None:
        """The job once it is in a final state; None when it is not in time."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            with suppress(ClipmillRpcError):
                job = await self.system.jobs.get_job(job_id)
                if job.state in FINAL_STATES:
                    return job
            await asyncio.sleep(0.2)
        return None

    async def all_ended(self, patience_s: float) -> dict[str, Job]:
        """Every accepted job as it is when all have ended, or when patience has."""
        until = time.monotonic() + patience_s
        known: dict[str, Job] = {}
        while time.monotonic() < until:
            with suppress(ClipmillRpcError):
                known = {job.job_id: job async for job in self.system.jobs.list_jobs()}
                if all(known[each].state in FINAL_STATES for each in self.accepted if each in known):
                    break
            await asyncio.sleep(0.5)
        return known


def _free_box(content: bytes) -> bytes:
    """A box at the end of an MP4 that players pass over (ISO/IEC 14496-12, 8.1.2)."""
    return (8 + len(content)).to_bytes(4) + b"free" + content
