"""A worker: every task gets one answer, from work or from the cache, as a result or as a failure."""

import asyncio
import time
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalyzed, AudioTask
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange, Twin, Warning
from clipmill.work.v1.work_pb2 import Answer, JobControl, Stage, Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.cautions import STOOD_IN
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event
from clipmill_shared.object_store import BlobsUnavailableError
from clipmill_shared.places import MAX_STARTS
from clipmill_shared.work import StageWork, Worker


@dataclass
class RecordingBus:
    """Keeps what is published; the test delivers by calling handlers."""

    published: list[Event] = field(default_factory=list)

    async def publish(self, *events: Event) -> None:
        self.published.extend(events)


@dataclass
class Hearing:
    """A stand-in for the audio stage's work that counts its calls."""

    blobs: Blobs
    calls: int = 0
    error: Exception | None = None
    warns: str = "DOUBT"
    hold: asyncio.Event | None = None
    running: int = 0
    most_running: int = 0

    async def work(self, task: AudioTask, report) -> AudioAnalyzed:
        self.calls += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            report(0.5)
            if self.hold:
                await self.hold.wait()
            if self.error:
                raise self.error
            result = AudioAnalyzed(part=task.part, analysis=await self.blobs.put_bytes("ann", b"analysis", "x"))
            result.answer.warnings.append(Warning(code=self.warns, message="Hm.", part="audio"))
            return result
        finally:
            self.running -= 1


@pytest.fixture
def hearing(tmp_path) -> Hearing:
    return Hearing(Blobs.in_folder(tmp_path / "store", tmp_path / "scratch"))


def worker(hearing: Hearing, version: str = "1", slots: int = 1, lasts=None) -> tuple[Worker, RecordingBus]:
    bus = RecordingBus()
    stage = StageWork(
        Stage.STAGE_AUDIO, "audio", topics.AUDIO_TASKS, topics.AUDIO_ANALYZED, version, hearing.work, lasts=lasts
    )
    return Worker(stage, bus, hearing.blobs, slots, "w1"), bus


def task_event(task_id="t1", attempt=1, lease_s=20.0, job_id="j1", sha="a", uri="blob:x", end_s=5.0) -> Event:
    task = Task(owner_id="ann", job_id=job_id, task_id=task_id, stage=Stage.STAGE_AUDIO, attempt=attempt)
    task.lease_until.FromMilliseconds(int((time.time() + lease_s) * 1000))
    speech = BlobRef(uri=uri, sha256=sha, size_bytes=1)
    message = AudioTask(task=task, speech=speech, part=TimeRange(start_s=0, end_s=end_s), language="en")
    return Event(topics.AUDIO_TASKS, message, f"e-{task_id}-{attempt}", "ann", "/ingest")


async def handle(worker: Worker, event: Event):
    subscription = next(s for s in worker.subscriptions if s.topic is event.topic)
    return await subscription.handler(event)


async def test_a_task_is_answered_under_its_own_header(hearing):
    w, _ = worker(hearing)
    event = task_event()
    (answer,) = await handle(w, event)
    assert answer.topic is topics.AUDIO_ANALYZED
    assert answer.message.task == event.message.task
    assert not answer.message.answer.cached
    assert [x.code for x in answer.message.answer.warnings] == ["DOUBT"]


async def test_a_replay_has_the_same_id_and_another_attempt_another(hearing):
    w, _ = worker(hearing)
    first, again, later = [(await handle(w, e))[0] for e in (task_event(), task_event(), task_event(attempt=2))]
    assert first.id == again.id != later.id


async def test_the_same_work_is_not_done_twice_in_another_job_from_another_place(hearing):
    w, _ = worker(hearing)
    await handle(w, task_event())
    (answer,) = await handle(w, task_event(task_id="t2", job_id="j2", uri="file:/elsewhere"))
    assert hearing.calls == 1
    assert answer.message.answer.cached and answer.message.task.job_id == "j2"
    assert [x.code for x in answer.message.answer.warnings] == ["DOUBT"]


async def test_of_two_that_ask_the_same_at_once_one_does_the_work_and_the_other_waits_for_it(hearing):
    hearing.hold = asyncio.Event()
    w, _ = worker(hearing, slots=2)
    both = [asyncio.create_task(handle(w, task_event(task_id=name, job_id=name))) for name in ("t1", "t2")]
    while not hearing.calls:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    hearing.hold.set()
    (first,), (second,) = [await task for task in both]
    assert hearing.calls == 1
    assert sorted(answer.message.answer.cached for answer in (first, second)) == [False, True]


@pytest.mark.parametrize("change", [{"sha": "b"}, {"end_s": 6.0}])
async def test_other_content_is_other_work(hearing, change):
    w, _ = worker(hearing)
    await handle(w, task_event())
    await handle(w, task_event(task_id="t2", **change))
    assert hearing.calls == 2


async def test_another_version_of_the_stage_does_not_count_as_the_same(hearing):
    await handle(worker(hearing, version="1")[0], task_event())
    await handle(worker(hearing, version="2")[0], task_event())
    assert hearing.calls == 2


async def test_a_cached_result_whose_blob_is_gone_is_made_anew(hearing):
    w, _ = worker(hearing)
    (answer,) = await handle(w, task_event())
    await hearing.blobs.delete(answer.message.analysis)
    (again,) = await handle(w, task_event())
    assert hearing.calls == 2 and not again.message.answer.cached


async def test_a_result_that_does_not_last_is_its_tasks_for_good_and_no_other_tasks(hearing):
    w, _ = worker(hearing, lasts=lambda made: not made.answer.warnings)
    await handle(w, task_event())
    await handle(w, task_event())
    assert hearing.calls == 1
    (other,) = await handle(w, task_event(task_id="t2", job_id="j2"))
    assert hearing.calls == 2 and not other.message.answer.cached


async def test_what_a_stand_in_of_a_pinned_version_made_is_no_other_tasks(hearing):
    hearing.warns = STOOD_IN
    w, _ = worker(hearing)
    await handle(w, task_event())
    await handle(w, task_event())
    await handle(w, task_event(task_id="t2", job_id="j2"))
    assert hearing.calls == 2


async def test_a_named_error_is_a_failure_with_its_words(hearing):
    hearing.error = ClipmillError("INPUT_BAD", "talk.mp4 is bad.", "Send another.")
    w, _ = worker(hearing)
    (failed,) = await handle(w, task_event())
    assert failed.topic is topics.TASKS_FAILED
    failure = failed.message.failure
    assert (failure.code, failure.part, failure.retryable) == ("INPUT_BAD", "audio", False)


async def test_an_unknown_error_is_a_failure_that_may_be_tried_again(hearing):
    hearing.error = RuntimeError("boom")
    w, _ = worker(hearing)
    (failed,) = await handle(w, task_event())
    assert failed.message.failure.code == "INTERNAL" and failed.message.failure.retryable
    assert "audio" in failed.message.failure.message and "boom" in failed.message.failure.message


async def test_an_object_store_that_is_away_is_waited_for(hearing, monkeypatch):
    monkeypatch.setattr("clipmill_shared.work.STORE_PAUSE_S", 0)
    hearing.error = BlobsUnavailableError("bucket", "no answer")
    w, _ = worker(hearing)
    running = asyncio.create_task(handle(w, task_event()))
    while hearing.calls < 3:
        await asyncio.sleep(0)
    hearing.error = None
    (answer,) = await running
    assert answer.topic is topics.AUDIO_ANALYZED

    monkeypatch.setattr("clipmill_shared.work.STORE_PATIENCE_S", -1)
    hearing.error = BlobsUnavailableError("bucket", "no answer")
    (failed,) = await handle(w, task_event("t2", sha="b"))
    assert failed.message.failure.code == "BLOBS_UNAVAILABLE"


async def test_a_full_disk_is_named(hearing):
    hearing.error = OSError(28, "No space left on device")
    w, _ = worker(hearing)
    (failed,) = await handle(w, task_event())
    assert failed.message.failure.code == "DISK_FULL"


async def test_a_task_that_comes_after_its_time_is_not_worked_on_and_says_so(hearing):
    w, _ = worker(hearing)
    (failed,) = await handle(w, task_event(lease_s=-2))
    assert (failed.message.failure.code, failed.message.failure.retryable) == ("TASK_EXPIRED", True)
    assert hearing.calls == 0


async def test_two_executions_of_one_attempt_give_one_result(hearing):
    hearing.hold = asyncio.Event()
    event = task_event()
    first, second = (asyncio.create_task(handle(worker(hearing)[0], event)) for _ in range(2))
    while hearing.running < 2:
        await asyncio.sleep(0)
    hearing.hold.set()
    (one,), (other,) = await first, await second
    (replayed,) = await handle(worker(hearing)[0], event)
    assert hearing.calls == 2
    assert one.id == other.id == replayed.id
    assert one.message == other.message == replayed.message


async def test_what_may_have_ended_its_process_is_worked_on_alone(hearing):
    hearing.hold = asyncio.Event()
    suspect = task_event("suspect", sha="s")
    await hearing.blobs.keep_record("ann", "started-suspect-1-1", suspect.message.task)
    w, _ = worker(hearing, slots=2)
    running = [asyncio.create_task(handle(w, each)) for each in (suspect, task_event("other", sha="o"))]
    while not hearing.running:
        await asyncio.sleep(0.01)
    hearing.hold.set()
    await asyncio.gather(*running)
    assert hearing.calls == 2 and hearing.most_running == 1
    assert await hearing.blobs.read_record("ann", "started-suspect-1-2", Task) is None


async def test_what_ends_its_process_each_time_is_given_up(hearing):
    event = task_event()
    for number in range(1, MAX_STARTS + 1):
        await hearing.blobs.keep_record("ann", f"started-t1-1-{number}", event.message.task)
    w, _ = worker(hearing)
    (failed,) = await handle(w, event)
    assert (failed.message.failure.code, failed.message.failure.retryable) == ("WORKER_LOST", False)
    assert hearing.calls == 0


async def test_one_attempt_that_fails_in_two_ways_is_two_events(hearing):
    w, _ = worker(hearing)
    ids = set()
    for words in ("boom", "bang", "boom"):
        hearing.error = RuntimeError(words)
        (failed,) = await handle(w, task_event())
        ids.add(failed.id)
    assert len(ids) == 2


async def test_a_process_with_the_name_of_an_earlier_one_says_nothing_under_its_ids(hearing):
    ids = []
    for _ in range(2):
        w, bus = worker(hearing)
        status = asyncio.create_task(w.report_status())
        while not bus.published:
            await asyncio.sleep(0)
        status.cancel()
        with pytest.raises(asyncio.CancelledError):
            await status
        ids += [event.id for event in bus.published]
    assert len(ids) == len(set(ids)) == 4


async def test_a_bus_that_is_away_does_not_end_a_worker(hearing):
    class AwayBus(RecordingBus):
        calls = 0

        async def publish(self, *events: Event) -> None:
            self.calls += 1
            if self.calls == 1:
                raise ConnectionError("no broker")
            await super().publish(*events)

    w, _ = worker(hearing)
    w._bus = bus = AwayBus()
    status = asyncio.create_task(w.report_status())
    while not bus.calls:
        await asyncio.sleep(0)
    await handle(w, task_event())
    while not bus.published:
        await asyncio.sleep(0)
    status.cancel()
    with pytest.raises(asyncio.CancelledError):
        await status


async def test_a_cancel_stops_the_work_and_what_is_still_to_come_of_its_job(hearing):
    hearing.hold = asyncio.Event()
    w, _ = worker(hearing)
    running = asyncio.create_task(handle(w, task_event()))
    while not hearing.running:
        await asyncio.sleep(0)
    control = JobControl(owner_id="ann", job_id="j1", command=JobControl.COMMAND_CANCEL)
    await handle(w, Event(topics.JOBS_CONTROL, control, "c1", "ann", "/ingest"))
    assert await running == ()
    assert await handle(w, task_event(task_id="t2")) == ()
    assert hearing.calls == 1 and hearing.running == 0


async def test_no_more_run_than_there_are_slots_and_all_that_is_held_is_leased(hearing):
    hearing.hold = asyncio.Event()
    w, bus = worker(hearing, slots=2)
    running = [asyncio.create_task(handle(w, task_event(f"t{i}", sha=str(i)))) for i in range(5)]
    status = asyncio.create_task(w.report_status())
    while not bus.published or len(bus.published[-1].message.leases) < 5:
        await asyncio.sleep(0.01)
    shares = {lease.task_id: lease.progress for lease in bus.published[-1].message.leases}
    assert sorted(shares.values()) == [0, 0, 0, 0.5, 0.5] or max(shares.values()) == 0
    assert bus.published[-1].message.slots == 2
    hearing.hold.set()
    await asyncio.gather(*running)
    assert hearing.most_running == 2
    status.cancel()
    with pytest.raises(asyncio.CancelledError):
        await status
    assert bus.published[-1].message.leaving and not bus.published[-1].message.leases


async def test_a_stage_may_name_its_content_and_adopt_what_is_cached(hearing):
    async def content_key(task: AudioTask, report) -> str:
        return "always the same"

    async def adopt(task: AudioTask, result: AudioAnalyzed) -> AudioAnalyzed:
        result.language = task.language
        return result

    w, _ = worker(hearing)
    w._stage = replace(w._stage, content_key=content_key, adopt=adopt)
    await handle(w, task_event())
    (answer,) = await handle(w, task_event("t2", sha="other"))
    assert hearing.calls == 1 and answer.message.language == "en"


def twin_of(event: Event, video_id: str = "v0") -> Event:
    event.message.twin.CopyFrom(Twin(video_id=video_id, offset_s=-5.0))
    return event


def sharing(hearing: Hearing, share) -> Worker:
    made, bus = worker(hearing)
    return Worker(replace(made._stage, share=share), bus, hearing.blobs, 1, "w1")


async def move(task: AudioTask, kept, report) -> AudioAnalyzed | None:
    """Shares what was kept of the same sound's part without a twin."""
    asked = AudioTask()
    asked.CopyFrom(task)
    asked.ClearField("twin")
    other = await kept(asked)
    if other is None:
        return None
    twin = Twin(video_id=task.twin.video_id, offset_s=task.twin.offset_s, saved_s=other.answer.compute_s)
    return AudioAnalyzed(part=task.part, analysis=other.analysis, answer=Answer(twin=twin))


async def test_a_task_with_a_twin_is_answered_by_what_was_kept_of_it(hearing: Hearing) -> None:
    made = sharing(hearing, move)

    await made._on_task(task_event("t1"))
    (shared,) = await made._on_task(twin_of(task_event("t2")))
    (again,) = await made._on_task(twin_of(task_event("t3")))

    assert hearing.calls == 1
    assert shared.message.answer.twin.offset_s == -5.0
    assert (shared.message.answer.cached, again.message.answer.cached) == (False, True)
    assert again.message.answer.twin == shared.message.answer.twin


async def test_without_anything_kept_the_work_is_done(hearing: Hearing) -> None:
    made = sharing(hearing, move)

    (event,) = await made._on_task(twin_of(task_event("t1")))

    assert hearing.calls == 1
    assert not event.message.answer.HasField("twin")


async def test_what_is_kept_without_its_blobs_is_not_shared(hearing: Hearing) -> None:
    made = sharing(hearing, move)

    (first,) = await made._on_task(task_event("t1"))
    await hearing.blobs.delete(first.message.analysis)
    await made._on_task(twin_of(task_event("t2")))

    assert hearing.calls == 2


async def test_a_twin_that_is_gone_costs_no_more_than_the_work(hearing: Hearing) -> None:
    await made_though(hearing, ClipmillError("BLOB_MISSING", "It is gone.", "Run it again."))


async def test_a_saving_that_fails_in_a_way_unknown_fails_no_task_and_is_logged_once(hearing: Hearing) -> None:
    with capture_logs() as logs:
        await made_though(hearing, ValueError("attempt to get argmax of an empty sequence"))

    assert [(log["log_level"], log["exc_info"]) for log in logs] == [("error", True)]


async def made_though(hearing: Hearing, error: Exception) -> None:
    async def fails(task: AudioTask, kept, report) -> AudioAnalyzed | None:
        raise error

    made = sharing(hearing, fails)

    (event,) = await made._on_task(twin_of(task_event("t1")))

    assert hearing.calls == 1
    assert event.topic == topics.AUDIO_ANALYZED
