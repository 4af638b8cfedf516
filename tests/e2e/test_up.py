"""`clipmill up` as a user runs it: a real Kafka, every service in a process of its own, and what survives what."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from e2e.support import COMMAND, Clipmill
from videos import write_video

from clipmill.client import Client
from clipmill.jobs.v1.jobs_pb2 import Job, JobState
from clipmill_cli.running import UpState, read_state

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka"), pytest.mark.timeout(280)]
DONE = (JobState.JOB_STATE_COMPLETED, JobState.JOB_STATE_COMPLETED_WITH_WARNINGS)
PATIENCE_S = 90.0


class Up:
    """A running `clipmill up` and what it says of itself."""

    def __init__(self, clipmill: Clipmill, process: subprocess.Popen[str]) -> None:
        self.clipmill = clipmill
        self.process = process

    @property
    def state(self) -> UpState | None:
        return read_state(self.clipmill.data / "up")

    @property
    def pids(self) -> dict[str, int]:
        state = self.state
        return {p.name: p.pid for p in state.programs if p.pid} if state else {}

    async def until_running(self) -> UpState:
        """Wait until every program runs and says that it is ready."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                assert self.process.poll() is None, "clipmill up ended"
                state = self.state
                if state and len(state.programs) == 7 and all(p.condition == "running" for p in state.programs):
                    return state
                await asyncio.sleep(0.1)


@contextmanager
def up(clipmill: Clipmill) -> Iterator[Up]:
    said = (clipmill.folder / "up.txt").open("a")
    environment = {**os.environ, "CLIPMILL_DATA_DIR": str(clipmill.data)}
    process = subprocess.Popen(
        [str(COMMAND), "up", "--grpc-port", "0"],
        cwd=clipmill.folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, text=True,
    )  # fmt: skip
    try:
        yield Up(clipmill, process)
    finally:
        process.kill()
        process.wait()


def is_alive(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def until_gone(pids: dict[str, int]) -> None:
    async with asyncio.timeout(10):
        while any(is_alive(pid) for pid in pids.values()):
            await asyncio.sleep(0.05)


async def ended(client: Client, job: Job) -> Job:
    async with asyncio.timeout(PATIENCE_S):
        async for progress in client.watch(job.job_id):
            job = progress.job
    return job


async def test_jobs_end_through_killed_workers_a_killed_broker_and_a_killed_up(tmp_path):
    clipmill = Clipmill(tmp_path)
    first_video = write_video(tmp_path / "first.mp4", seconds=16)
    second_video = write_video(tmp_path / "second.mp4", seconds=16, tone_hz=300)

    with up(clipmill) as running:
        state = await running.until_running()
        async with Client(state.grpc_address) as client:
            # A worker is killed while a job needs it.
            first = await client.upload(first_video)
            os.kill(running.pids["audio"], signal.SIGKILL)
            first = await ended(client, first)
            assert first.state in DONE, first.error
            assert len(await client.wait_for_clips(first)) == len(first.clip_ids) > 0

            # The broker is killed between jobs: it comes back at the same address, with what it had.
            os.kill(running.pids["kafka"], signal.SIGKILL)
            await asyncio.sleep(0.2)
            state = await running.until_running()
            restarts = {program.name: program.restarts for program in state.programs}
            assert restarts["audio"] >= 1 and restarts["kafka"] == 1

            # `up` is killed with a job just accepted: nothing of it stays behind.
            second = await client.upload(second_video)
        children = running.pids
        assert len(children) == 7
        running.process.kill()
        running.process.wait()
        await until_gone(children)

    with up(clipmill) as running:
        state = await running.until_running()
        async with Client(state.grpc_address) as client:
            second = await ended(client, second)
            assert second.state in DONE, second.error
            assert [job.job_id async for job in client.list_jobs()] == [second.job_id, first.job_id]

        refused = await asyncio.to_thread(clipmill, "up")
        assert (refused.code, "UP_RUNNING" in refused.err) == (5, True)
        refused = await asyncio.to_thread(clipmill, "clean", "--all")
        assert "is running" in refused.err

        status = await asyncio.to_thread(clipmill, "status", "--json")
        told = json.loads(status.out)
        assert (status.code, told["unknown"]) == (0, {})
        assert {service["health"] for service in told["services"]} == {"ready"}
        assert {worker["stage"] for worker in told["kafka"]["workers"]} == {
            "import", "record", "audio", "vision", "scoring", "preview", "render",
        }  # fmt: skip
        assert told["jobs"] == {"QUEUED": 0, "RUNNING": 0}
        assert told["disk"]["used_bytes"] > 0

        children = running.pids
        running.process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(running.process.wait, 60) == 0
        await until_gone(children)
    assert "NOT_RUNNING" in (await asyncio.to_thread(clipmill, "status")).err
