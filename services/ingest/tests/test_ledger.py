"""A job goes through every stage, and ends, whatever happens to its tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clipmill_ingest.domain.options import complete
from clipmill_ingest.ledger import QueueFullError
from clipmill_ingest.settings import IngestSettings
from world import OWNER, STAGES, World, hear, ingest, ref, render, score

from clipmill import topics
from clipmill.catalog.v1.catalog_pb2 import CatalogChange
from clipmill.clips.v1.clips_pb2 import ClipHead, ClipOptions, ClipsScored, Finish, Shortage
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.common.v1.common_pb2 import Warning as Remark
from clipmill.jobs.v1.jobs_pb2 import JobProgress, JobRequest, JobState
from clipmill.media.v1.media_pb2 import MediaIngested, Source
from clipmill.work.v1.work_pb2 import Stage
from clipmill_shared.bus import Subscription
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event
from clipmill_shared.service import running

COMPLETED = JobState.JOB_STATE_COMPLETED
WITH_WARNINGS = JobState.JOB_STATE_COMPLETED_WITH_WARNINGS
FAILED = JobState.JOB_STATE_FAILED
CANCELLED = JobState.JOB_STATE_CANCELLED


class Recorded:
    """Work that remembers the tasks it got."""

    def __init__(self, work: Any) -> None:
        self._work = work
        self.tasks: list[Any] = []

    async def __call__(self, task: Any, report: Any) -> Any:
        self.tasks.append(task)
        return await self._work(task, report)


async def never(task: Any, report: Any) -> Any:
    await asyncio.Event().wait()


async def test_a_job_passes_all_stages_and_completes(world: World) -> None:
    async with world.run():
        job = await world.submit(clips=2)
        assert job.state == JobState.JOB_STATE_QUEUED
        done = await world.ended(job.job_id)
    assert done.state == COMPLETED
    assert done.progress == 1
    assert list(done.clip_ids) == ["c1", "c2"]
    assert done.video_id == "v1"
    assert [(s.stage, s.parts, s.parts_done) for s in done.stages] == [
        (Stage.STAGE_IMPORT, 1, 1),
        (Stage.STAGE_AUDIO, 2, 2),
        (Stage.STAGE_VISION, 2, 2),
        (Stage.STAGE_SCORING, 1, 1),
        (Stage.STAGE_RENDER, 2, 2),
    ]
    assert not done.cached


async def test_every_task_carries_what_its_stage_needs(world: World) -> None:
    recorded = {name: Recorded(work) for name, work in (("audio", hear), ("scoring", score), ("render", render))}
    async with world.run(**recorded):
        job = await world.submit(clips=2, min_s=20, max_s=50, language="en")
        await world.ended(job.job_id)
    heard = sorted(recorded["audio"].tasks, key=lambda task: task.part.start_s)
    assert [(t.part.start_s, t.part.end_s, t.language) for t in heard] == [(0, 50, "en"), (50, 120, "en")]
    (scoring,) = recorded["scoring"].tasks
    assert [r.sha256 for r in scoring.audio] == ["heard-0", "heard-50"]
    assert [r.sha256 for r in scoring.vision] == ["seen-0", "seen-70"]
    assert (scoring.clips, scoring.min_s, scoring.max_s) == (2, 20, 50)
    first, second = sorted(recorded["render"].tasks, key=lambda task: task.clip.rank)
    # Clip 1 is 10 to 40 s, clip 2 is 45 to 80 s: only the analyses of the parts that they touch.
    assert [r.sha256 for r in first.audio] == ["heard-0"]
    assert [r.sha256 for r in second.audio] == ["heard-0", "heard-50"]
    assert [r.sha256 for r in second.vision] == ["seen-0", "seen-70"]
    assert first.source == ref("source")
    # What a video is called is in no clip: under another name the answer is the same.
    assert first.source_name == ""


async def test_an_edit_is_exported_with_the_name_of_its_source(world: World) -> None:
    rendered = Recorded(render)
    async with world.run(render=rendered):
        job = await world.submit(clips=2, finish=Finish(exports=["edl"]))
        await world.ended(job.job_id)
    assert {task.source_name for task in rendered.tasks} == {"talk.mp4"}


async def test_no_task_carries_a_password_and_the_ledger_gives_it(world: World) -> None:
    imported = Recorded(ingest)
    source = Source(url="https://ada:secret@example.org/talk.mp4", name="talk.mp4")
    async with world.run(**{"import": imported}):
        job = await world.ledger.submit(OWNER, source, complete(ClipOptions(clips=2)), "")
        await world.ended(job.job_id)
        given = await world.ledger.address(OWNER, job.job_id)
        to_another = await world.ledger.address("eve", job.job_id)
    (task,) = imported.tasks
    assert (task.source.url, given, to_another) == ("https://example.org/talk.mp4", source.url, "")
    assert "secret" not in str(task)


async def test_the_longest_clip_goes_out_first_and_the_last_knows_that_it_is(world: World) -> None:
    async def score_three(task: Any, report: Any) -> ClipsScored:
        lengths = {"c1": 20, "c2": 50, "c3": 30}
        clips = [ClipHead(clip_id=name, range=TimeRange(start_s=0, end_s=end)) for name, end in lengths.items()]
        return ClipsScored(video_id=task.video_id, scored=ref("scored"), clips=clips)

    rendered = Recorded(render)
    async with world.run(scoring=score_three, render=rendered):
        job = await world.submit(clips=3)
        await world.ended(job.job_id)
    assert {task.clip.clip_id: task.task.last for task in rendered.tasks} == {"c1": True, "c2": False, "c3": False}


async def test_the_history_has_no_gaps_never_goes_back_and_ends_with_the_final_state(world: World) -> None:
    told: list[JobProgress] = []

    async def listen(event: Event[Any]) -> tuple[()]:
        told.append(event.message)
        return ()

    async with world.bus.run(Subscription(topics.JOBS_PROGRESS, "listener", listen)), world.run():
        job = await world.submit()
        await world.ended(job.job_id)
        history = await world.history(job.job_id)
        assert await world.history(job.job_id, "eve") == []
        async with asyncio.timeout(10):
            while len(told) < len(history):
                await asyncio.sleep(0.01)
    assert [p.sequence for p in history] == list(range(1, len(history) + 1))
    assert history[0].job.state == JobState.JOB_STATE_QUEUED
    assert [p.job.progress for p in history] == sorted(p.job.progress for p in history)
    assert history[-1].job.state == COMPLETED
    assert [p.sequence for p in told] == [p.sequence for p in history]


async def test_the_same_content_again_is_answered_from_the_cache_and_says_so(world: World) -> None:
    async with world.run():
        first = await world.ended((await world.submit(key="a")).job_id)
        second = await world.ended((await world.submit(key="b")).job_id)
        third = await world.ended((await world.submit(key="b2", clips=1)).job_id)
    assert not first.cached
    assert not second.cached  # another path: only the import had to be done again
    assert [s.cached for s in second.stages] == [False, True, True, True, True]
    assert [s.cached for s in third.stages] == [False, True, True, False, True]


async def test_a_video_without_sound_needs_no_worker_for_sound(world: World) -> None:
    async def silent(task: Any, report: Any) -> MediaIngested:
        result = await ingest(task, report)
        result.ClearField("speech")
        result.answer.warnings.append(Remark(code="NO_AUDIO", message="It has no sound.", part="import"))
        return result

    async with world.run(**{"import": silent, "audio": None}):
        job = await world.ended((await world.submit()).job_id)
    assert job.state == WITH_WARNINGS
    assert [w.code for w in job.warnings] == ["NO_AUDIO"]


async def test_no_clip_is_a_result_with_its_reasons(world: World) -> None:
    async def none(task: Any, report: Any) -> ClipsScored:
        return ClipsScored(shortages=[Shortage(code="TOO_SHORT", message="Too short.", remedy="--min 5")])

    async with world.run(scoring=none):
        job = await world.ended((await world.submit()).job_id)
    assert job.state == WITH_WARNINGS
    assert [s.remedy for s in job.shortages] == ["--min 5"]
    assert not job.clip_ids


async def test_no_clip_and_no_reason_is_a_failure(world: World) -> None:
    async def nothing(task: Any, report: Any) -> ClipsScored:
        return ClipsScored()

    async with world.run(scoring=nothing):
        job = await world.ended((await world.submit()).job_id)
    assert (job.state, job.error.code) == (FAILED, "INTERNAL")


# With a preview, which is of live sources alone, no job fails.
@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "preview"])
async def test_a_failure_that_no_other_attempt_can_change_ends_the_job_at_once(world: World, stage: str) -> None:
    async def fail(task: Any, report: Any) -> Any:
        raise ClipmillError("INPUT_BAD", "talk.mp4 is bad.", "Make it good.")

    broken = Recorded(fail)
    async with world.run(**{stage: broken}):
        job = await world.ended((await world.submit(clips=1)).job_id)
    assert job.state == FAILED
    assert (job.error.code, job.error.remedy, job.error.part) == ("INPUT_BAD", "Make it good.", stage)
    assert {task.task.attempt for task in broken.tasks} == {1}


async def test_a_failure_that_may_pass_is_tried_three_times(world: World) -> None:
    async def fail(task: Any, report: Any) -> Any:
        raise ClipmillError("PART_CRASHED", "It crashed.", "Again.", retryable=True)

    broken = Recorded(fail)
    async with world.run(scoring=broken):
        job = await world.ended((await world.submit()).job_id)
    assert (job.state, job.error.code) == (FAILED, "PART_CRASHED")
    assert [task.task.attempt for task in broken.tasks] == [1, 2, 3]


async def test_a_failure_that_passes_leaves_no_trace(world: World) -> None:
    async def fail_once(task: Any, report: Any) -> Any:
        if task.task.attempt == 1:
            raise ClipmillError("PART_CRASHED", "It crashed.", "Again.", retryable=True)
        return await score(task, report)

    async with world.run(scoring=fail_once):
        job = await world.ended((await world.submit()).job_id)
    assert job.state == COMPLETED


async def test_one_clip_that_cannot_be_rendered_is_a_warning_that_names_it(world: World) -> None:
    async def fail_first(task: Any, report: Any) -> Any:
        if task.clip.rank == 1:
            raise ClipmillError("RENDER_BROKEN", "No encoder.", "Install one.")
        return await render(task, report)

    async with world.run(render=fail_first):
        job = await world.ended((await world.submit(clips=2)).job_id)
    assert job.state == WITH_WARNINGS
    assert list(job.clip_ids) == ["c2"]
    (warning,) = job.warnings
    assert warning.code == "RENDER_FAILED"
    assert "c1" in warning.message
    assert "Install one." in warning.message


async def test_a_cancelled_job_stops_its_work(world: World) -> None:
    stopped = asyncio.Event()
    started = asyncio.Event()

    async def long(task: Any, report: Any) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise

    async with world.run(audio=long):
        job = await world.submit()
        await started.wait()
        cancelled = await world.ledger.cancel(OWNER, job.job_id)
        assert cancelled is not None
        assert cancelled.state == CANCELLED
        async with asyncio.timeout(10):
            await stopped.wait()
        assert (await world.ledger.cancel(OWNER, job.job_id)).state == CANCELLED
        assert await world.ledger.cancel("eve", job.job_id) is None
        assert (await world.history(job.job_id))[-1].job.state == CANCELLED


async def test_a_failed_part_stops_the_others(world: World) -> None:
    stopped = asyncio.Event()
    started = asyncio.Event()

    async def long(task: Any, report: Any) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def fail(task: Any, report: Any) -> Any:
        await started.wait()
        raise ClipmillError("VISION_BROKEN", "It broke.", "Mend it.")

    async with world.run(audio=long, vision=fail):
        job = await world.ended((await world.submit()).job_id)
        assert job.error.code == "VISION_BROKEN"
        async with asyncio.timeout(10):
            await stopped.wait()


async def test_a_job_that_nobody_works_for_fails_and_says_which_part_is_missing(tmp_path: Path) -> None:
    world = World(tmp_path, IngestSettings(no_worker_s=0.3))
    async with world.run(audio=None):
        job = await world.ended((await world.submit()).job_id)
    assert (job.state, job.error.code, job.error.part) == (FAILED, "NO_WORKER", "audio")


async def test_work_that_does_not_get_on_fails_loudly(tmp_path: Path) -> None:
    world = World(tmp_path, IngestSettings(stall_s=0.2, retry_s=0))
    async with world.run(scoring=never):
        job = await world.ended((await world.submit()).job_id)
    assert (job.state, job.error.code) == (FAILED, "WORK_STALLED")


async def test_a_task_that_got_lost_on_its_way_goes_out_again(tmp_path: Path) -> None:
    world = World(tmp_path, IngestSettings(lease_s=0.5, retry_s=0, worker_live_s=60))
    worker = world.worker("scoring")
    attempts: list[int] = []

    async def lose_the_first(event: Event[Any]) -> Sequence[Event[Any]]:
        attempts.append(event.message.task.attempt)
        return () if len(attempts) == 1 else await worker.subscriptions[0].handler(event)

    subscription = replace(worker.subscriptions[0], handler=lose_the_first)
    async with world.run(scoring=None), running([replace(worker, subscriptions=[subscription])], world.bus):
        job = await world.ended((await world.submit()).job_id)
    assert job.state == COMPLETED
    assert attempts == [1, 2]


async def test_the_same_key_of_the_same_owner_is_the_same_job(world: World) -> None:
    async with world.run(**{"import": None}):
        first, again = await world.submit(key="k"), await world.submit(key="k")
        other, free, free2 = await world.submit("bob", "k"), await world.submit(), await world.submit()
    assert first.job_id == again.job_id
    assert len({first.job_id, other.job_id, free.job_id, free2.job_id}) == 4


async def test_a_full_queue_refuses_and_says_when_to_come_back(tmp_path: Path) -> None:
    world = World(tmp_path, IngestSettings(max_open_jobs=2))
    async with world.run(**{"import": None}):
        first = await world.submit(key="a")
        await world.submit(key="b")
        with pytest.raises(QueueFullError, match="in 30 s"):
            await world.submit(key="c")
        assert (await world.submit(key="a")).job_id == first.job_id
        await world.ledger.cancel(OWNER, first.job_id)
        await world.submit(key="c")


async def test_a_job_can_be_asked_for_by_an_event(world: World, tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"x")

    def request(key: str, **source: str) -> Event[JobRequest]:
        message = JobRequest(owner_id=OWNER, idempotency_key=key, source=Source(**source), options=ClipOptions(clips=2))
        return Event(topics.INGEST_REQUESTS, message, f"id-{key}", OWNER, "/test")

    async with world.run():
        await world.bus.publish(
            request("good", path=f"{tmp_path}/talk.mp4"), request("bad", path=f"{tmp_path}/missing.mp4")
        )
        async with asyncio.timeout(20):
            while len(jobs := await listed(world)) < 2 or any(job.state < COMPLETED for job in jobs):
                await asyncio.sleep(0.01)
    good, bad = sorted(jobs, key=lambda job: job.state)
    assert good.state == COMPLETED
    assert len(good.clip_ids) == 2
    assert (bad.state, bad.error.code) == (FAILED, "INPUT_NOT_FOUND")


async def listed(world: World) -> list[Any]:
    async with world.database.reading() as on:
        return list(await world.store.page(on, OWNER, (), None, 10))


async def test_old_history_is_forgotten_but_not_open_jobs_nor_final_states(world: World) -> None:
    async with world.run(scoring=never):
        job = await world.submit()
        await world.until(job.job_id, lambda j: len(j.stages) == 4)
        await world.ledger.cancel(OWNER, job.job_id)
        still_open = await world.submit(key="open")
        async with world.database.transaction() as on:
            await world.store.prune(on, ended_before=0, keep_jobs=10, keep_history=2)
        kept = await world.history(job.job_id)
        assert len(kept) == 2
        assert kept[-1].job.state == CANCELLED
        async with world.database.transaction() as on:
            await world.store.prune(on, ended_before=1e12, keep_jobs=10, keep_history=2)
        async with world.database.reading() as on:
            assert await world.store.find(on, OWNER, job.job_id) is None
            assert await world.store.find(on, OWNER, still_open.job_id) is not None


async def test_the_jobs_of_a_deleted_video_are_forgotten(world: World) -> None:
    async with world.run(scoring=never):
        ended = await world.submit(key="ended")
        going = await world.submit(key="going")
        await world.until(going.job_id, lambda job: len(job.stages) == 4)
        await world.ledger.cancel(OWNER, ended.job_id)
        eve_s = await world.submit("eve")
        await world.until(eve_s.job_id, lambda job: bool(job.video_id), "eve")
        deleted = CatalogChange(owner_id=OWNER, video_id="v1", kind=CatalogChange.KIND_VIDEO_DELETED)
        await world.bus.publish(Event(topics.CATALOG_CHANGES, deleted, "id", OWNER, "/test"))
        async with asyncio.timeout(20):
            while await listed(world):
                await asyncio.sleep(0.01)
        assert await world.job(eve_s.job_id, "eve")
