"""submit, jobs, watch, cancel and clips, against a server that runs."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest
from client.conftest import Running
from clipmill_ingest.settings import IngestSettings

from clipmill_cli.results import ResultRecord
from clipmill_shared.rpc.server import serving

DONE = "COMPLETED"
PARTS = {"job_id", "state", "progress", "warnings", "error"}


async def test_a_job_is_submitted_followed_listed_and_its_clips_are_fetched(system: Running, video: Path) -> None:
    async with system() as clipmill:
        job = await clipmill.job("submit", video, "--clips", "2")
        assert job.keys() >= PARTS
        watched = await clipmill("watch", job["job_id"], "--json")
        *progress, last = watched.events
        assert (watched.code, last["event"], last["state"], last["progress"]) == (0, "result", DONE, 1)
        assert all(line["event"] == "progress" and line.keys() >= PARTS for line in progress)
        # Again, after its end: at once, with the same end.
        assert (await clipmill("watch", job["job_id"], "--json")).events[-1] == last

        listed = await clipmill.job("jobs")
        assert (listed["job_id"], listed["state"], listed["video"]) == (job["job_id"], DONE, "talk.mp4")
        table = await clipmill("jobs")
        assert [word in table.out for word in (job["job_id"], DONE, "talk.mp4")] == [True] * 3

        fetched = await clipmill("clips", job["job_id"], "-o", clipmill.folder / "out")
        assert fetched.code == 0, fetched.err
        result = ResultRecord.model_validate(json.loads((clipmill.folder / "out" / "clips.json").read_text()))
        assert len(result.clips) == listed["clips"] > 0
        assert (clipmill.folder / "out" / "clip-01.mp4").stat().st_size == 8192


async def test_a_job_s_video_is_erased_with_its_clips_after_a_question(system: Running, video: Path) -> None:
    async with system() as clipmill:
        job = await clipmill.job("submit", video, "--clips", "2")
        assert (await clipmill("watch", job["job_id"])).code == 0
        asked = await clipmill("delete", job["job_id"])
        assert (asked.code, "for good?" in asked.out) == (1, True)
        assert (await clipmill("clips", job["job_id"], "-o", clipmill.folder / "before")).code == 0

        erased = await clipmill("delete", job["job_id"], "--yes", "--json")
        assert (erased.code, erased.events[0]["clips_deleted"]) == (0, 2), erased.err
        again = await clipmill("delete", job["job_id"], "--yes", "--json")
        # Its jobs go as well, soon after.
        assert again.code == 5 and again.events[-1]["code"] in ("VIDEO_NOT_FOUND", "JOB_NOT_FOUND")
        assert video.exists()


async def test_a_file_that_the_server_may_not_read_is_sent_and_waited_for(system: Running, elsewhere: Path) -> None:
    async with system() as clipmill:
        ran = await clipmill("submit", elsewhere, "-o", clipmill.folder / "out")
        assert ran.code == 0, ran.err
        assert "Sending other.mp4" in ran.err
        assert "clip-01.mp4" in ran.out
        waited = await clipmill("submit", elsewhere, "--wait", "--json")
        assert (waited.code, waited.events[-1]["event"], waited.events[-1]["cached"]) == (0, "result", True)


async def test_the_same_key_is_the_same_job_and_none_is_another(system: Running, video: Path) -> None:
    async with system(workers=()) as clipmill:
        one, again, other = [await clipmill.job("submit", video, *key) for key in (("--key", "k"), ("--key", "k"), ())]
        assert one["job_id"] == again["job_id"] != other["job_id"]
        assert one["key"] == "k"


async def test_jobs_are_listed_by_state_and_number_and_cancelled(system: Running, video: Path) -> None:
    async with system(workers=()) as clipmill:
        ids = [(await clipmill.job("submit", video))["job_id"] for _ in range(3)]
        cancelled = await clipmill("cancel", *ids[:2], "--json")
        assert [(job["job_id"], job["state"]) for job in cancelled.events] == [(each, "CANCELLED") for each in ids[:2]]
        listed = await clipmill("jobs", "--state", "cancelled", "--json")
        assert [job["job_id"] for job in listed.events] == ids[1::-1]
        assert [job["job_id"] for job in (await clipmill("jobs", "--limit", "1", "--json")).events] == ids[2:]
        assert "CANCELLED" in (await clipmill("cancel", ids[0])).out
        watched = await clipmill("watch", ids[0])
        assert (watched.code, "was cancelled" in watched.err) == (5, True)


async def test_an_interrupted_watch_leaves_the_job_alone(system: Running, video: Path) -> None:
    async with system(workers=()) as clipmill:
        job = await clipmill.job("submit", video)
        process = await clipmill.start("watch", job["job_id"], "--json")
        assert process.stdout is not None and process.stderr is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert process.returncode == 130
        assert f"clipmill watch {job['job_id']} follows it again" in err.decode()
        assert (await clipmill.job("jobs"))["state"] in ("QUEUED", "RUNNING")


@pytest.mark.parametrize("command", [("watch", "none"), ("cancel", "none"), ("clips", "none")])
async def test_a_job_that_is_not_there_is_named(system: Running, command: tuple[str, ...]) -> None:
    async with system(workers=()) as clipmill:
        ran = await clipmill(*command, "--json")
        assert (ran.code, ran.events[-1]["code"]) == (5, "JOB_NOT_FOUND")


async def test_a_bad_file_is_told_before_anybody_is_asked(system: Running, tmp_path: Path) -> None:
    async with system(workers=()) as clipmill:
        ran = await clipmill("submit", tmp_path / "missing.mp4", "--json")
        assert (ran.code, ran.events[0]["code"], len(ran.error_lines)) == (3, "INPUT_NOT_FOUND", 1)


async def test_a_full_queue_says_when_to_come_back_and_room_is_waited_for(system: Running, video: Path) -> None:
    async with system(workers=(), settings=IngestSettings(max_open_jobs=1)) as clipmill:
        first = await clipmill.job("submit", video)
        refused = await clipmill("submit", video, "--json")
        (error,) = refused.events
        assert (refused.code, error["code"], error["retry_after_s"]) == (75, "QUEUE_FULL", 30.0)
        # The end of a job tells the queue's speed: it is asked again after a second, not after thirty.
        await clipmill("cancel", first["job_id"])
        second = await clipmill.job("submit", video)
        waiting = asyncio.create_task(clipmill("submit", video, "--wait-for-room", "60", "--json"))
        await clipmill("cancel", second["job_id"])
        ran = await waiting
        assert (ran.code, ran.events[0]["state"]) == (0, "QUEUED")


async def test_nothing_that_runs_is_named_with_what_to_do(system: Running, video: Path) -> None:
    async with system(workers=()) as clipmill:
        nowhere = await clipmill("jobs", "--json", CLIPMILL_ADDRESS="")
        gone = await clipmill("submit", video, "--address", "127.0.0.1:1", "--json")
        no_kafka = await clipmill("dlq", "list", "--json")
    for ran in (nowhere, gone, no_kafka):
        assert (ran.code, ran.events[0]["code"]) == (5, "NOT_RUNNING")
        assert "clipmill up" in ran.err


async def test_a_watch_goes_on_when_the_server_comes_back(system: Running, video: Path) -> None:
    async with system(workers=()) as clipmill:
        job = await clipmill.job("submit", video)
        async with serving((), "127.0.0.1:0") as empty:
            # A server without the service: told, not waited for.
            ran = await clipmill("jobs", "--address", empty, "--json")
        assert ran.events[0]["code"] == "UNIMPLEMENTED"
        process = await clipmill.start("watch", job["job_id"], "--json")
        assert process.stdout is not None
        await process.stdout.readline()
        await clipmill("cancel", job["job_id"])
        out, _ = await process.communicate()
        assert json.loads(out.decode().splitlines()[-1])["state"] == "CANCELLED"
