"""One owner's hundred videos and another's one: how long the one waits, with and without the hundred."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from faults.system import System

from clipmill.client import Client
from clipmill_shared.auth import SigningKey, write_jwks

PACE = {"STAND_IN_SECONDS": "0.3", "STAND_IN_SLOTS": "2", "STAND_IN_LOG": "WARNING"}
TIMES = 5
SIDE_BY_SIDE = 32


@dataclass(frozen=True)
class Fairness:
    """Medians of TIMES waits for one video, from its submission to its end, in seconds."""

    alone_s: float
    behind_s: float
    ahead: int
    # Of the others' videos, when the last of the one's had ended.
    others_ended: int

    @property
    def ratio(self) -> float:
        return round(self.behind_s / self.alone_s, 2)


async def fairness(folder: Path, ahead: int) -> Fairness:
    """Owners are proved by tokens, as on a server."""
    key = SigningKey.make()
    folder.mkdir(parents=True, exist_ok=True)
    write_jwks(folder / "keys.json", [key.public])
    async with System(folder, {**PACE, "CLIPMILL_AUTH_JWKS": str(folder / "keys.json")}).running() as system:
        address = system.address("ingest")
        async with (
            Client(address, token=key.sign("many", 3600)) as many,
            Client(address, token=key.sign("one", 3600)) as one,
        ):
            alone = [await _wait(system, one, f"alone-{number}") for number in range(TIMES)]
            gate = asyncio.Semaphore(SIDE_BY_SIDE)

            async def submit(number: int) -> None:
                async with gate:
                    await many.submit(path=_video(system, f"many-{number}"))

            await asyncio.gather(*(submit(number) for number in range(ahead)))
            behind = [await _wait(system, one, f"behind-{number}") for number in range(TIMES)]
            ended = [job async for job in many.list_jobs() if job.HasField("finished_at")]
    return Fairness(round(statistics.median(alone), 2), round(statistics.median(behind), 2), ahead, len(ended))


async def _wait(system: System, client: Client, name: str) -> float:
    began = time.monotonic()
    job = await client.submit(path=_video(system, name))
    async for _ in client.watch(job.job_id):
        pass
    return time.monotonic() - began


def _video(system: System, name: str) -> str:
    path = system.videos / f"{name}.mp4"
    path.write_text(name)
    return str(path)
