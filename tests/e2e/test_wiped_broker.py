"""The broker loses all its data under a running system: every job that was accepted still ends well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import clipmill_ingest.service
import pytest
from harness.kafka import Broker, kafka
from harness.stand_in import BUILDERS

from clipmill.client import Client
from clipmill.jobs.v1.jobs_pb2 import Job, JobState
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus.kafka import KafkaBus
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka"), pytest.mark.timeout(180)]
ENDED = (
    JobState.JOB_STATE_COMPLETED,
    JobState.JOB_STATE_COMPLETED_WITH_WARNINGS,
    JobState.JOB_STATE_FAILED,
    JobState.JOB_STATE_CANCELLED,
)
OWNER = "ada"


@pytest.fixture
def broker() -> Iterator[Broker]:
    with kafka() as running_broker:
        yield running_broker


class System:
    """Services on a broker: those of one `process` share a bus and nothing else."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder = folder
        self.broker = broker

    @asynccontextmanager
    async def process(self, name: str, *services: str) -> AsyncIterator[Client]:
        bus = KafkaBus(self.broker.bootstrap, name, grace_s=1, create_topics=True)
        scratch = self.folder / f"scratch-{name}"
        platform = Platform(
            bus,
            Blobs.in_folder(self.folder / "blobs", scratch, (self.folder,)),
            f"sqlite+aiosqlite:///{self.folder}/{{service}}.db",
            scratch,
            name,
        )
        built = [BUILDERS[service](platform) for service in services]
        socket = f"unix:{self.folder}/{name}.sock"
        try:
            async with (
                running(built, bus),
                serving(built, socket, authenticate=lambda _: OWNER),
                Client(socket) as client,
            ):
                yield client
        finally:
            await bus.close()

    def video(self, number: int) -> str:
        path = self.folder / f"talk-{number}.mp4"
        path.write_bytes(f"talk {number}".encode())
        return str(path)


@pytest.fixture
def system(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    # The stand-in takes its place; here it is given back at the end.
    monkeypatch.setattr(clipmill_ingest.service, "Importer", clipmill_ingest.service.Importer)
    monkeypatch.setenv("CLIPMILL_INGEST_LEASE_S", "4")
    monkeypatch.setenv("CLIPMILL_INGEST_RETRY_S", "0.2")
    monkeypatch.setenv("STAND_IN_SECONDS", "0.3")
    # A socket's path has 108 bytes at most.
    with TemporaryDirectory(prefix="clipmill-wiped-") as folder:
        yield System(Path(folder), broker)


async def ended(client: Client, job: Job) -> Job:
    async with asyncio.timeout(90):
        while (now := await client.get_job(job.job_id)).state not in ENDED:
            await asyncio.sleep(0.1)
    return now


async def clips_of(client: Client, job: Job) -> set[str]:
    """The job's clips in the catalog, waited for."""
    async with asyncio.timeout(60):
        while True:
            clips = await client.clips(job.job_id)
            if len(clips) >= len(job.clip_ids) and all(clip.HasField("rendering") for clip in clips):
                return {clip.scored.head.clip_id for clip in clips}
            await asyncio.sleep(0.1)


async def test_every_job_ends_well_and_has_its_clips_in_the_catalog_when_the_broker_is_wiped(system: System) -> None:
    broker = system.broker
    async with AsyncExitStack() as stack:
        ingest = await stack.enter_async_context(system.process("one", "ingest"))
        await stack.enter_async_context(system.process("two", "audio", "vision", "scoring", "render"))
        first = await ended(ingest, await ingest.submit(path=system.video(0)))
        assert first.state == JobState.JOB_STATE_COMPLETED
        jobs = [await ingest.submit(path=system.video(number)) for number in range(1, 6)]
        async with asyncio.timeout(60):
            while len((await ingest.get_job(jobs[1].job_id)).stages) < 3:
                await asyncio.sleep(0.05)

        broker.kill()
        broker.wipe()
        jobs.append(await ingest.submit(path=system.video(6)))
        broker.start()

        # It has read nothing of what was lost.
        catalog = await stack.enter_async_context(system.process("three", "catalog"))
        jobs = [first, *[await ended(ingest, job) for job in jobs]]
        assert {job.state for job in jobs} == {JobState.JOB_STATE_COMPLETED}
        for job in jobs:
            assert await clips_of(catalog, job) == set(job.clip_ids) != set()
