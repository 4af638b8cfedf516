"""The plan of a live source's job grows with it, and every such job ends."""

from __future__ import annotations

from dataclasses import replace

from clipmill_ingest.domain import plan, view
from clipmill_ingest.domain import transitions as job
from clipmill_ingest.domain.live import known_of
from clipmill_ingest.domain.record import JobRecord, LedgerTask, Rules, TaskState
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.clips.v1.clips_pb2 import ClipHead, ClipOptions, ClipRendered, ClipsPreviewed, ClipsScored
from clipmill.common.v1.common_pb2 import BlobRef, Failure, TimeRange
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill.media.v1.media_pb2 import Live, MediaInfo, MediaIngested, RecordedPart, Source
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill.work.v1.work_pb2 import Stage, Task, TaskFailed

RULES = Rules(lease_s=20, attempts=3, retry_s=1, stall_s=100, no_worker_s=600)
RECORD, AUDIO, VISION, PREVIEW = Stage.STAGE_RECORD, Stage.STAGE_AUDIO, Stage.STAGE_VISION, Stage.STAGE_PREVIEW
SCORING, RENDER = Stage.STAGE_SCORING, Stage.STAGE_RENDER
PART_S = {AUDIO: 10.0, VISION: 30.0}


def new() -> JobRecord:
    """A live job that is being recorded."""
    record = job.admit("j", "ada", Source(path="/a.ts", live=Live()), ClipOptions(clips=1), now=0)
    return job.release(record, record.tasks[0].task_id, 1, RULES)


def header(task: LedgerTask, attempt: int | None = None) -> Task:
    return Task(job_id="j", owner_id="ada", task_id=task.task_id, stage=task.stage, attempt=attempt or task.attempt)


def span(stage: Stage.ValueType, number: int) -> TimeRange:
    return TimeRange(start_s=number * PART_S[stage], end_s=(number + 1) * PART_S[stage])


def part(record: JobRecord, stage: Stage.ValueType, number: int, attempt: int | None = None) -> RecordedPart:
    return RecordedPart(
        task=header(record.recording, attempt),
        video_id=record.video_id,
        stage=stage,
        number=number,
        part=span(stage, number),
        blob=BlobRef(uri=f"blob:{stage}-{number}", sha256=f"{stage}-{number}"),
        info=MediaInfo(duration_s=span(stage, number).end_s, start_s=10),
        source_start_s=1.5,
    )


def grown(record: JobRecord, sounds: int, pictures: int) -> JobRecord:
    for stage, count in ((AUDIO, sounds), (VISION, pictures)):
        for number in range(len(record.of(stage)), count):
            record = job.take_part(record, part(record, stage, number), 2)
    return record


def recorded(record: JobRecord, sounds: int, pictures: int) -> MediaIngested:
    return MediaIngested(
        task=header(record.recording),
        video_id=record.video_id,
        info=MediaInfo(duration_s=100),
        audio_parts=[span(AUDIO, n) for n in range(sounds)],
        vision_parts=[span(VISION, n) for n in range(pictures)],
    )


def answer(record: JobRecord, task: LedgerTask):
    name = header(task)
    if task.stage == RECORD:
        return recorded(record, len(record.of(AUDIO)), len(record.of(VISION)))
    if task.stage == AUDIO:
        analysis = BlobRef(sha256=f"{task.part % 10}" * 64, size_bytes=1000)
        text = f"line {task.part}"
        return AudioAnalyzed(task=name, part=span(AUDIO, task.part), words=2, text=text, analysis=analysis)
    if task.stage == VISION:
        return VisionAnalyzed(task=name, part=span(VISION, task.part), analysis=BlobRef(sha256="a" * 64, size_bytes=9))
    head = ClipHead(clip_id="c", rank=1, range=TimeRange(start_s=0, end_s=15))
    if task.stage == PREVIEW:
        return ClipsPreviewed(task=name, clips=[head])
    if task.stage == SCORING:
        return ClipsScored(task=name, clips=[head])
    return ClipRendered(task=name, clip_id="c")


def worked(record: JobRecord, *stages: Stage.ValueType, now: float = 3) -> JobRecord:
    """All tasks of the stages released and answered."""
    for stage in stages:
        for task in record.of(stage):
            record = job.release(record, task.task_id, now, RULES)
            record = job.take_result(record, answer(record, record.task(task.task_id)), now)
    return record


def test_a_part_is_a_task_as_soon_as_it_is_there() -> None:
    record = grown(new(), 2, 1)
    assert [len(record.of(stage)) for stage in (AUDIO, VISION)] == [2, 1]
    task = record.of(AUDIO)[1]
    message = plan.message_of(record, task, 0)
    assert (message.speech.uri, message.part, message.speech_start_s, message.says_text) == (
        f"blob:{AUDIO}-1",
        span(AUDIO, 1),
        10,
        True,
    )
    seen = plan.message_of(record, record.of(VISION)[0], 0)
    assert (seen.source.uri, seen.source_start_s, seen.video_id) == (f"blob:{VISION}-0", 10, record.video_id)


def test_a_part_is_taken_once_and_in_order() -> None:
    record = grown(new(), 1, 0)
    assert job.take_part(record, part(record, AUDIO, 0), 3) is record
    assert job.take_part(record, part(record, AUDIO, 2), 3) is record


def test_a_part_that_does_not_go_on_from_the_last_is_of_an_attempt_that_was_delivered_twice() -> None:
    record = grown(new(), 1, 0)
    other = part(record, AUDIO, 1)
    other.part.start_s += 2
    assert job.take_part(record, other, 3) is record


def test_a_part_of_a_lost_attempt_is_refused_and_the_next_attempt_goes_on_from_what_is_there() -> None:
    before = grown(new(), 2, 1)
    late = part(before, AUDIO, 2)
    record = job.lapse(before, 100, RULES)
    record = job.release(record, record.recording.task_id, 102, RULES)
    assert job.take_part(record, late, 103) is record
    assert known_of(record, 1) is None
    known = known_of(record, 2)
    assert [each.part for each in known.sounds] == [span(AUDIO, 0), span(AUDIO, 1)]
    assert [(each.part, each.source_start_s) for each in known.pictures] == [(span(VISION, 0), 1.5)]
    assert len(job.take_part(record, part(record, AUDIO, 2), 103).of(AUDIO)) == 3


def test_a_recording_that_gets_on_may_be_lost_more_often_than_a_task() -> None:
    record = new()
    for number in range(2 * RULES.attempts):
        now = 1000.0 * (number + 1)
        record = job.take_part(record, part(record, AUDIO, number), now)
        record = job.lapse(record, now, RULES)
        record = job.release(record, record.recording.task_id, now + 10, RULES)
    assert record.is_open and record.recording.state == TaskState.RELEASED


def test_the_end_waits_for_parts_that_are_on_their_way() -> None:
    record = job.take_result(grown(new(), 1, 1), recorded(grown(new(), 1, 1), 2, 1), 5)
    assert record.ingested is None and not record.recording.has_ended
    record = job.take_part(record, part(record, AUDIO, 1), 6)
    assert record.ingested is not None and record.recording.has_ended


def test_parts_that_never_come_are_recorded_again() -> None:
    record = job.take_result(grown(new(), 1, 1), recorded(new(), 2, 1), 5)
    record = job.lapse(record, 100, RULES)
    assert (record.recording.state, record.recording.result) == (TaskState.WAITING, None)


def test_scoring_waits_for_the_end_and_for_every_part() -> None:
    record = worked(grown(new(), 2, 1), AUDIO, VISION)
    assert not record.of(SCORING)
    record = worked(record, RECORD)
    assert len(record.of(SCORING)) == 1
    message = plan.message_of(record, record.of(SCORING)[0], 0)
    assert (len(message.heard), len(message.seen), message.info.duration_s) == (2, 1, 100)
    assert message.heard[1].sha256.hex() == "1" * 64 and not message.audio


def test_a_scoring_task_of_four_hours_fits_an_event() -> None:
    record = worked(grown(new(), 1100, 170), AUDIO, VISION)
    record = worked(record, RECORD)
    assert plan.message_of(record, record.of(SCORING)[0], 0).ByteSize() < 64 << 10
    assert record.recording.result.ByteSize() < 64 << 10
    assert view.job_of(record).ByteSize() < 32 << 10


def test_candidates_are_looked_for_when_something_was_heard_and_again_when_more_was() -> None:
    record = grown(new(), 2, 0)
    assert not record.of(PREVIEW)
    first, second = record.of(AUDIO)
    for task, now in ((first, 5), (second, 9)):
        record = job.release(record, task.task_id, 4, RULES)
        record = job.take_result(record, answer(record, record.task(task.task_id)), now)
        preview = record.of(PREVIEW)[0]
        assert preview.state == TaskState.WAITING
        message = plan.message_of(record, preview, 0)
        assert message.info.duration_s == span(AUDIO, task.part).end_s
        assert len(message.heard) == task.part + 1
        record = worked(record, PREVIEW, now=now + 1)
        assert record.of(PREVIEW)[0].has_ended
        assert [clip.clip_id for clip in view.job_of(record).live.candidates] == ["c"]


def test_candidates_are_no_clips_and_are_not_shown_beside_them() -> None:
    record = worked(grown(new(), 1, 1), AUDIO, VISION, PREVIEW, RECORD)
    seen = view.job_of(record)
    assert seen.live.candidates and not seen.clip_ids and record.scored is None
    record = worked(record, SCORING)
    assert not view.job_of(record).live.candidates


def test_no_job_waits_for_a_preview_or_fails_with_one() -> None:
    record = worked(grown(new(), 1, 1), AUDIO)
    preview = record.of(PREVIEW)[0]
    record = job.release(record, preview.task_id, 4, RULES)
    broken = TaskFailed(task=header(record.of(PREVIEW)[0]), failure=Failure(code="BROKEN"))
    assert job.take_failure(record, broken, 5, RULES).is_open
    assert job.give_up_without_worker(record, PREVIEW, 0, 9999, RULES).is_open
    record = worked(record, VISION, RECORD, SCORING, RENDER)
    assert record.state == JobState.JOB_STATE_COMPLETED


def test_progress_says_how_much_was_taken_heard_and_seen() -> None:
    record = grown(new(), 3, 1)
    record = job.release(record, record.of(AUDIO)[1].task_id, 4, RULES)
    record = job.take_result(record, answer(record, record.of(AUDIO)[1]), 5)
    live = view.job_of(record).live
    assert (live.recorded_s, live.heard_s, live.seen_s, live.ended) == (30, 0, 0, False)
    assert not live.lines, "lines come in order"
    live = view.job_of(worked(record, AUDIO)).live
    assert (live.heard_s, [line.text for line in live.lines]) == (30, ["line 0", "line 1", "line 2"])


def test_what_a_part_warns_of_is_a_warning_of_the_job() -> None:
    record = new()
    warned = part(record, VISION, 0)
    warned.warnings.append(Caution(code="LIVE_GAP", message="It broke off.", part="record"))
    record = job.take_part(record, warned, 2)
    assert [warning.code for warning in view.warnings_of(record)] == ["LIVE_GAP"]


def test_an_ended_input_stays_ended_for_the_next_attempt() -> None:
    record = job.end_input(new())
    assert record.input_ended and job.end_input(record) is record
    assert known_of(record, 1).input_ended
    ordinary = job.admit("j", "ada", Source(path="/a.mp4"), ClipOptions(clips=1), now=0)
    assert job.end_input(ordinary) is ordinary


steps = st.lists(
    st.tuples(
        st.sampled_from(["part", "again", "old", "release", "result", "early", "fail", "lapse", "end", "cancel"]),
        st.integers(0, 11),
        st.floats(0, 15),
    ),
    max_size=90,
)


def step(record: JobRecord, kind: str, which: int, now: float) -> JobRecord:
    task = record.tasks[which % len(record.tasks)]
    stage = (AUDIO, VISION)[which % 2]
    known = len(record.of(stage))
    if kind == "part":
        return job.take_part(record, part(record, stage, known), now)
    if kind == "again" and known:
        assert job.take_part(record, part(record, stage, which % known), now) is record
    if kind == "old" and record.recording.attempt > 1:
        assert job.take_part(record, part(record, stage, known, record.recording.attempt - 1), now) is record
    if kind == "release":
        return job.release(record, task.task_id, now, RULES)
    if kind == "result" and task.attempt:
        return job.take_result(record, answer(record, task), now)
    if kind == "early" and record.recording.attempt:
        return job.take_result(record, recorded(record, len(record.of(AUDIO)) + 1, len(record.of(VISION))), now)
    if kind == "fail" and task.attempt:
        failed = TaskFailed(task=header(task), failure=Failure(code="BROKEN", retryable=True))
        return job.take_failure(record, failed, now, RULES)
    if kind == "lapse":
        return job.lapse(record, now, RULES)
    if kind == "end":
        return job.end_input(record)
    if kind == "cancel" and which == 11:
        return job.cancel(record, now)
    return record


@settings(max_examples=300)
@given(steps)
def test_every_live_job_ends_with_each_part_planned_once(steps) -> None:
    record, now, shown = new(), 0.0, 0.0
    for kind, which, seconds in steps:
        now += seconds
        before = record
        record = step(record, kind, which, now)
        assert before.is_open or record is before
        record = replace(record, progress=view.progress_of(record))
        assert record.progress >= shown
        shown = record.progress
        for stage in (AUDIO, VISION):
            assert [task.part for task in record.of(stage)] == list(range(len(record.of(stage))))
        assert len(record.of(PREVIEW)) <= 1
        assert not record.of(SCORING) or record.recording.has_ended
        if record.ingested is not None:
            assert len(record.ingested.audio_parts) == len(record.of(AUDIO))
        seen = view.job_of(record)
        assert not (seen.live.candidates and seen.clip_ids)
        if seen.state == JobState.JOB_STATE_COMPLETED:
            assert seen.progress == 1 and seen.clip_ids
    for _ in range(100):
        if not record.is_open:
            break
        now += RULES.no_worker_s
        record = job.lapse(record, now, RULES)
        for stage in (RECORD, AUDIO, VISION, PREVIEW, SCORING, RENDER):
            record = job.give_up_without_worker(record, stage, 0.0, now, RULES)
    assert not record.is_open
