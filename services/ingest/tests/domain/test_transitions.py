"""Every accepted job ends, whatever comes in which order; and what it shows never goes back."""

from __future__ import annotations

from dataclasses import replace

from clipmill_ingest.domain import plan, view
from clipmill_ingest.domain import transitions as job
from clipmill_ingest.domain.record import JobRecord, LedgerTask, Rules, TaskState
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.clips.v1.clips_pb2 import ClipHead, ClipOptions, ClipRendered, ClipsScored, Shortage
from clipmill.common.v1.common_pb2 import BlobRef, Failure, TimeRange
from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill.media.v1.media_pb2 import MediaIngested, Source
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill.work.v1.work_pb2 import Lease, Stage, Task, TaskFailed, WorkerStatus

RULES = Rules(lease_s=20, attempts=3, retry_s=1, stall_s=100, no_worker_s=600)
IMPORT, AUDIO, VISION, SCORING, RENDER = (
    Stage.STAGE_IMPORT,
    Stage.STAGE_AUDIO,
    Stage.STAGE_VISION,
    Stage.STAGE_SCORING,
    Stage.STAGE_RENDER,
)


def new() -> JobRecord:
    return job.admit("j", "ada", Source(path="/a.mp4"), ClipOptions(clips=2), now=0)


def header(task: LedgerTask, attempt: int | None = None) -> Task:
    return Task(job_id="j", task_id=task.task_id, stage=task.stage, attempt=attempt or task.attempt)


def result(task: LedgerTask, attempt: int | None = None, sound: bool = True, clips: int = 2):
    name = header(task, attempt)
    half = [TimeRange(start_s=0, end_s=50), TimeRange(start_s=50, end_s=100)]
    if task.stage == IMPORT:
        media = MediaIngested(task=name, audio_parts=half, vision_parts=half)
        if sound:
            media.speech.CopyFrom(BlobRef(uri="blob:x"))
        return media
    if task.stage == AUDIO:
        return AudioAnalyzed(task=name, part=half[task.part])
    if task.stage == VISION:
        return VisionAnalyzed(task=name, part=half[task.part])
    if task.stage == SCORING:
        heads = [ClipHead(clip_id=f"c{n}", rank=n + 1, range=half[n]) for n in range(clips)]
        return ClipsScored(task=name, clips=heads, shortages=[] if clips else [Shortage(code="NONE")])
    return ClipRendered(task=name, clip_id=f"c{task.part}")


def failed(task: LedgerTask, *, retryable: bool, attempt: int | None = None) -> TaskFailed:
    return TaskFailed(task=header(task, attempt), failure=Failure(code="BROKEN", retryable=retryable))


def released(record: JobRecord, now: float = 1) -> JobRecord:
    for task in record.tasks:
        record = job.release(record, task.task_id, now, RULES)
    return record


def until(stage: Stage.ValueType) -> JobRecord:
    """A job whose tasks of a stage are out."""
    record = released(new())
    while not record.of(stage):
        for task in record.tasks:
            record = job.take_result(record, result(task), 2)
        record = released(record)
    return record


def task_of(record: JobRecord, stage: Stage.ValueType, part: int = 0) -> LedgerTask:
    return record.of(stage)[part]


# --- ranges ---


def ingested(*ranges: tuple[float, float]) -> JobRecord:
    """A job for some ranges of a video of two parts, 0 to 50 s and 50 to 100 s, that has been read."""
    asked = ClipOptions(clips=2, ranges=[TimeRange(start_s=a, end_s=b) for a, b in ranges])
    record = released(job.admit("j", "ada", Source(path="/a.mp4"), asked, now=0))
    return job.take_result(record, result(task_of(record, IMPORT)), 2)


def test_only_parts_that_a_range_touches_are_analysed() -> None:
    assert [(t.stage, t.part) for t in ingested((60, 70)).tasks[1:]] == [(AUDIO, 1), (VISION, 1)]
    assert [(t.stage, t.part) for t in ingested((0, 10), (49, 51)).tasks[1:]] == [
        (AUDIO, 0),
        (AUDIO, 1),
        (VISION, 0),
        (VISION, 1),
    ]


def test_a_given_transcript_is_placed_in_the_whole_at_once() -> None:
    asked = ClipOptions(clips=2, transcript=BlobRef(uri="blob:t"))
    record = released(job.admit("j", "ada", Source(path="/a.mp4"), asked, now=0))
    media = result(task_of(record, IMPORT))
    media.info.duration_s = 100
    record = job.take_result(record, media, 2)
    (audio,) = record.of(AUDIO)
    message = plan.message_of(record, audio, 0)
    assert (message.part.start_s, message.part.end_s, message.transcript.uri) == (0, 100, "blob:t")


def heard(record: JobRecord, part: int, engine: str, words: int = 9) -> JobRecord:
    """The part's result, of its present attempt."""
    answer = result(record.of(AUDIO)[part])
    answer.engine, answer.words = engine, words
    return job.take_result(record, answer, 3)


def asked_of(record: JobRecord, part: int) -> str:
    return plan.message_of(record, record.of(AUDIO)[part], 0).asr


def test_what_heard_the_first_words_hears_the_whole_job() -> None:
    record = heard(released(until(AUDIO)), 1, "moonshine")
    assert [t.state for t in record.of(AUDIO)] == [TaskState.RELEASED, TaskState.DONE]
    record = heard(record, 0, "whisper:small")
    assert [t.state for t in record.of(AUDIO)] == [TaskState.DONE, TaskState.WAITING]
    assert asked_of(record, 1) == "whisper:small"
    record = heard(released(record), 1, "whisper:small")
    assert [t.state for t in record.of(AUDIO)] == [TaskState.DONE, TaskState.DONE]


def test_a_part_in_which_nobody_speaks_has_no_say_in_what_hears() -> None:
    record = heard(heard(released(until(AUDIO)), 0, "moonshine", words=0), 1, "whisper:small")
    assert [t.state for t in record.of(AUDIO)] == [TaskState.DONE, TaskState.DONE]


def test_a_part_that_goes_out_later_is_asked_of_the_engine_that_hears_the_job() -> None:
    record = until(AUDIO)
    first = record.of(AUDIO)[0].task_id
    record = heard(job.release(record, first, 2, RULES), 0, "whisper:small")
    assert asked_of(record, 1) == "whisper:small"


def test_ranges_beyond_the_video_leave_the_answer_to_scoring() -> None:
    record = released(ingested((100, 200)))
    assert [t.stage for t in record.tasks] == [IMPORT, SCORING]
    record = job.take_result(record, result(task_of(record, SCORING), clips=0), 3)
    assert not record.is_open


# --- fencing ---


def test_a_result_counts_once() -> None:
    record = until(SCORING)
    first = job.take_result(record, result(task_of(record, SCORING), clips=1), 3)
    assert job.take_result(first, result(task_of(first, SCORING), clips=2), 4) is first


def test_a_result_of_an_older_attempt_is_discarded() -> None:
    record = job.lapse(until(SCORING), 1000, RULES)
    record = released(record, 1001)
    assert task_of(record, SCORING).attempt == 2
    assert job.take_result(record, result(task_of(record, SCORING), attempt=1), 1002) is record
    assert job.take_failure(record, failed(task_of(record, SCORING), retryable=False, attempt=1), 1002, RULES) is record


def test_nobody_is_lost_who_had_not_the_time_of_a_lease_to_be_heard() -> None:
    record = until(SCORING)
    assert job.lapse(record, 500, RULES, heard_since=500 - RULES.lease_s + 1) is record
    assert task_of(job.lapse(record, 500, RULES, heard_since=500 - RULES.lease_s), SCORING).losses == 1


def test_a_late_result_is_taken_while_no_newer_attempt_is_out() -> None:
    record = job.lapse(until(SCORING), 1000, RULES)
    assert task_of(record, SCORING).state == TaskState.WAITING
    assert job.take_result(record, result(task_of(record, SCORING), attempt=1), 1001).scored is not None


def test_nothing_changes_a_job_that_has_ended() -> None:
    for ended in (job.cancel(until(SCORING), 3), job.fail(until(SCORING), Failure(code="X"), 3)):
        task = task_of(ended, SCORING)
        assert job.take_result(ended, result(task), 4) is ended
        assert job.take_failure(ended, failed(task, retryable=False), 4, RULES) is ended
        assert job.lapse(ended, 1e6, RULES) is ended
        assert job.release(ended, task.task_id, 4, RULES) is ended
        assert job.cancel(ended, 4) is ended
        assert job.give_up_without_worker(ended, SCORING, 0, 1e6, RULES) is ended


# --- leases ---


def status(*leases: Lease, slots: int = 2, leaving: bool = False) -> WorkerStatus:
    return WorkerStatus(worker_id="w", stage=AUDIO, slots=slots, leases=leases, leaving=leaving)


def lease(task: LedgerTask, progress: float = 0.5, attempt: int | None = None) -> Lease:
    return Lease(job_id="j", task_id=task.task_id, attempt=attempt or task.attempt, progress=progress)


def test_a_lease_is_renewed_by_its_holder() -> None:
    task = task_of(until(AUDIO), AUDIO)
    (held,) = job.renew([task], status(lease(task)), 15, RULES)
    assert (held.held, held.progress, held.lease_until) == (True, 0.5, 35)


def test_a_lease_of_an_older_attempt_renews_nothing() -> None:
    task = replace(task_of(until(AUDIO), AUDIO), attempt=2)
    assert job.renew([task], status(lease(task, attempt=1)), 15, RULES) == ()


def test_a_queued_task_waits_as_long_as_its_workers_are_busy() -> None:
    one, two = until(AUDIO).of(AUDIO)
    changed = job.renew([one, two], status(lease(one), slots=1), 15, RULES)
    assert {task.task_id: task.lease_until for task in changed} == {one.task_id: 35, two.task_id: 35}
    assert [t.task_id for t in job.renew([one, two], status(lease(one), slots=2), 15, RULES)] == [one.task_id]


def test_a_task_whose_record_is_gone_does_not_wait_for_ever_on_busy_workers_and_goes_out_again_at_no_cost() -> None:
    record = until(AUDIO)
    one, two = record.of(AUDIO)
    now = two.moved_at + RULES.queue_s
    (still,) = job.renew([two], status(lease(one), slots=1), now - 1, RULES)
    assert job.renew([still], status(lease(one), slots=1), now, RULES) == ()
    patient = replace(RULES, stall_s=10 * RULES.queue_s)
    lapsed = job.lapse(record.with_task(still), now + RULES.lease_s, patient)
    assert (task_of(lapsed, AUDIO, 1).state, task_of(lapsed, AUDIO, 1).losses) == (TaskState.WAITING, 0)


def test_a_leaving_worker_hands_its_tasks_back_at_no_cost() -> None:
    task = task_of(until(AUDIO), AUDIO)
    (back,) = job.renew([task], status(lease(task), leaving=True), 15, RULES)
    assert (back.state, back.losses, back.ready_at) == (TaskState.WAITING, 0, 15)


def test_three_lost_leases_are_a_loud_failure() -> None:
    record = until(AUDIO)
    for round_ in range(3):
        assert record.is_open
        record = job.lapse(released(record, 1000 * round_), 1000 * round_ + 21, RULES)
    assert (record.state, record.error.code) == (JobState.JOB_STATE_FAILED, "WORKER_LOST")


def test_work_that_stands_still_is_lost_though_its_lease_is_renewed() -> None:
    record = until(SCORING)
    record = record.with_task(replace(task_of(record, SCORING), lease_until=1e9))
    assert job.lapse(record, 1 + RULES.stall_s - 1, RULES) is record
    assert task_of(job.lapse(record, 1 + RULES.stall_s, RULES), SCORING).losses == 1


def test_a_part_without_workers_is_given_up_after_its_time_only() -> None:
    record = until(AUDIO)
    assert job.give_up_without_worker(record, AUDIO, last_seen=0, now=599, rules=RULES) is record
    assert job.give_up_without_worker(record, AUDIO, last_seen=300, now=800, rules=RULES) is record
    gone = job.give_up_without_worker(record, AUDIO, last_seen=300, now=900, rules=RULES)
    assert (gone.state, gone.error.code) == (JobState.JOB_STATE_FAILED, "NO_WORKER")


def test_a_failure_of_any_length_still_ends_the_job_with_an_event_of_bounded_size() -> None:
    record = until(SCORING)
    said = failed(task_of(record, SCORING), retryable=False)
    said.failure.message = said.failure.remedy = "é" * 30_000
    ended = job.take_failure(record, said, 5, RULES)
    assert not ended.is_open
    assert view.job_of(ended).ByteSize() < 40_000


# --- renders ---


def test_if_no_clip_can_be_rendered_the_job_failed() -> None:
    record = until(RENDER)
    for task in record.of(RENDER):
        record = job.take_failure(record, failed(task, retryable=False), 5, RULES)
    assert (record.state, record.error.code) == (JobState.JOB_STATE_FAILED, "BROKEN")


# --- all of it ---

steps = st.lists(
    st.tuples(
        st.sampled_from(["release", "result", "stale", "fail", "break", "hold", "leave", "lapse", "wait", "cancel"]),
        st.integers(0, 7),
        st.floats(0, 30),
    ),
    max_size=80,
)


def step(record: JobRecord, kind: str, which: int, now: float, sound: bool, clips: int) -> JobRecord:
    task = record.tasks[which % len(record.tasks)]
    if kind == "release":
        return job.release(record, task.task_id, now, RULES)
    if kind == "result" and task.attempt:
        answer = result(task, sound=sound, clips=clips)
        if isinstance(answer, AudioAnalyzed):
            answer.words = 9
            answer.engine = plan.engine_of(record) or ("moonshine", "whisper:small")[which % 2]
        return job.take_result(record, answer, now)
    if kind == "stale" and task.attempt > 1:
        assert job.take_result(record, result(task, attempt=task.attempt - 1), now) is record
    if kind in ("fail", "break") and task.attempt:
        return job.take_failure(record, failed(task, retryable=kind == "fail"), now, RULES)
    if kind in ("hold", "leave"):
        said = status(*(lease(t) for t in record.tasks), leaving=kind == "leave")
        # The store gives the tasks of open jobs only.
        for changed in job.renew(record.tasks if record.is_open else (), said, now, RULES):
            record = record.with_task(changed)
    if kind == "lapse":
        return job.lapse(record, now, RULES)
    if kind == "cancel" and which == 7:
        return job.cancel(record, now)
    return record


@settings(max_examples=300)
@given(steps, st.booleans(), st.integers(0, 2))
def test_every_job_ends_and_shows_no_step_back(steps, sound, clips) -> None:
    record, now, shown = new(), 0.0, 0.0
    for kind, which, seconds in steps:
        now += seconds
        before = record
        record = step(record, kind, which, now, sound, clips)
        assert before.is_open or record is before
        record = replace(record, progress=view.progress_of(record))
        assert record.progress >= shown
        shown = record.progress
        assert all(task.attempt <= 100 and task.losses <= RULES.attempts for task in record.tasks)
        seen = view.job_of(record)
        assert len({task.task_id for task in record.tasks}) == len(record.tasks)
        if seen.state == JobState.JOB_STATE_FAILED:
            assert seen.error.code
        if seen.state in (JobState.JOB_STATE_COMPLETED, JobState.JOB_STATE_COMPLETED_WITH_WARNINGS):
            assert seen.progress == 1
            assert seen.clip_ids or seen.shortages
    # Whatever happened: if from now on nothing comes any more, time alone ends the job.
    for _ in range(100):
        if not record.is_open:
            break
        now += RULES.no_worker_s
        record = job.lapse(record, now, RULES)
        for stage in (IMPORT, AUDIO, VISION, SCORING, RENDER):
            record = job.give_up_without_worker(record, stage, 0.0, now, RULES)
    assert not record.is_open
