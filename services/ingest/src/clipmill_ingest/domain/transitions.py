"""What may happen to a job. Each function takes the job as it is and gives it as it then is; the same object means
that nothing changed.

Every accepted job ends: a task is done, fails, is lost and tried again a bounded number of times, or nobody comes for
it and the job fails; each of these leads on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import Failure
from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill.media.v1.media_pb2 import MediaIngested, RecordedPart, Source
from clipmill.work.v1.work_pb2 import Stage, TaskFailed, WorkerStatus
from clipmill_ingest.domain import live, plan, view
from clipmill_ingest.domain.plausible import language_fault
from clipmill_ingest.domain.record import (
    MAX_KEY,
    NOBODY,
    STAGE_NAMES,
    JobRecord,
    LedgerTask,
    Result,
    Rules,
    TaskState,
    derived_id,
)

MAX_FAILURE_TEXT = 5000


def admit(job_id: str, owner_id: str, source: Source, options: ClipOptions, now: float) -> JobRecord:
    """A new job, with its options pinned."""
    return JobRecord(job_id, owner_id, source, options, now, tasks=plan.first_tasks(job_id, source, now))


def refuse(request_id: Sequence[str | int], idempotency_key: str, failure: Failure, now: float) -> JobRecord:
    """What answers a request that nobody proved to be theirs: it says the reason, and nothing that was asked."""
    job_id, key = derived_id("refused", *request_id), idempotency_key[:MAX_KEY]
    return fail(JobRecord(job_id, NOBODY, Source(), ClipOptions(), now, idempotency_key=key), failure, now)


def release(record: JobRecord, task_id: str, now: float, rules: Rules) -> JobRecord:
    """A waiting task goes out, as its next attempt."""
    task = record.task(task_id)
    if not record.is_open or task is None or task.state != TaskState.WAITING:
        return record
    released = replace(
        task,
        state=TaskState.RELEASED,
        attempt=task.attempt + 1,
        lease_until=now + rules.lease_s,
        held=False,
        progress=0.0,
        moved_at=now,
        started_at=task.started_at or now,
    )
    return replace(record.with_task(released), state=JobState.JOB_STATE_RUNNING)


def renew(released: Iterable[LedgerTask], status: WorkerStatus, now: float, rules: Rules) -> tuple[LedgerTask, ...]:
    """The tasks of `released` (all of the worker's stage) that its status changes.

    What the worker holds is renewed. What is still queued is renewed by any worker that has no free slot, as long as
    workers would still take it: the queue is long because work is, and nothing is lost. A leaving worker hands its
    leases back at no cost.
    """
    held = {(lease.task_id, lease.attempt): lease for lease in status.leases}
    is_full = len(status.leases) >= status.slots
    changed = []
    for task in released:
        lease = held.get((task.task_id, task.attempt))
        if task.state != TaskState.RELEASED:
            continue
        if lease is not None and status.leaving:
            changed.append(_waiting(task, now))
        elif lease is not None:
            moved = lease.progress > task.progress or not task.held
            changed.append(
                replace(
                    task,
                    held=True,
                    lease_until=now + rules.lease_s,
                    progress=max(task.progress, min(lease.progress, 1.0)),
                    moved_at=now if moved else task.moved_at,
                )
            )
        elif not task.held and is_full and not status.leaving and now - task.moved_at < rules.queue_s:
            changed.append(replace(task, lease_until=now + rules.lease_s))
    return tuple(changed)


def take_result(record: JobRecord, result: Result, now: float) -> JobRecord:
    """The result of a task's present attempt is taken once; of an older attempt, or of an ended job, never."""
    task = record.task(result.task.task_id)
    if not record.is_open or task is None or task.has_ended or result.task.attempt != task.attempt:
        return record
    if task.stage == Stage.STAGE_RECORD and isinstance(result, MediaIngested) and not live.is_whole(record, result):
        # Its last parts are on their way. Should they be lost, its lease lapses, and it is recorded on from there.
        return record.with_task(replace(task, result=result))
    return _advance(record.with_task(_done(task, result, now)), now)


def take_part(record: JobRecord, part: RecordedPart, now: float) -> JobRecord:
    """A part of a live source is taken once, in order, and of the recording's present attempt only."""
    record = live.take_part(record, part, now)
    recording = record.recording
    if recording is None or recording.has_ended or not isinstance(recording.result, MediaIngested):
        return record
    if not live.is_whole(record, recording.result):
        return record
    return _advance(record.with_task(_done(recording, recording.result, now)), now)


def end_input(record: JobRecord) -> JobRecord:
    """A live source has been recorded enough; of other jobs, and of ended ones, nothing changes."""
    recording = record.recording
    if not record.is_open or recording is None or recording.has_ended or record.input_ended:
        return record
    return replace(record, input_ended=True)


def _done(task: LedgerTask, result: Result, now: float) -> LedgerTask:
    return replace(task, state=TaskState.DONE, result=result, progress=1.0, finished_at=now, held=False)


def take_failure(record: JobRecord, failed: TaskFailed, now: float, rules: Rules) -> JobRecord:
    """A failure of the present attempt: tried again if that may help, else the end of the task."""
    task = record.task(failed.task.task_id)
    if not record.is_open or task is None or task.state != TaskState.RELEASED:
        return record
    if failed.task.attempt != task.attempt:
        return record
    failure = Failure()
    failure.CopyFrom(failed.failure)
    # The job's events carry it and must stay under 64 KiB, else the job could not end.
    failure.message, failure.remedy = failure.message[:MAX_FAILURE_TEXT], failure.remedy[:MAX_FAILURE_TEXT]
    return _lose(record, task, failure, now, rules)


def lapse(record: JobRecord, now: float, rules: Rules, heard_since: float = 0.0) -> JobRecord:
    """Released tasks whose lease has run out, or that do not get on, are tried again or given up.

    Workers have been heard since `heard_since`: each had the time of a lease to renew what it holds before it is taken
    for lost.
    """
    for task in record.tasks:
        if not record.is_open or task.state != TaskState.RELEASED:
            continue
        if max(task.lease_until, heard_since + rules.lease_s) <= now:
            if not task.held and now - task.moved_at >= rules.queue_s:
                # It was queued for longer than workers take it, or its record is gone: no fault of the task.
                record = record.with_task(_waiting(task, now))
            else:
                record = _lose(record, task, _lost(task), now, rules)
        elif max(task.moved_at, heard_since) <= now - rules.stall_s:
            record = _lose(record, task, _stalled(task, rules), now, rules)
    return record


def give_up_without_worker(
    record: JobRecord, stage: Stage.ValueType, last_seen: float, now: float, rules: Rules
) -> JobRecord:
    """Fail a job that needs a stage whose last worker was seen at `last_seen` (0: never), too long ago."""
    waiting = [task for task in record.of(stage) if not task.has_ended]
    if not record.is_open or not waiting:
        return record
    if now - max(last_seen, min(task.ready_at for task in waiting)) < rules.no_worker_s:
        return record
    if stage == Stage.STAGE_PREVIEW:
        # Nobody needs it.
        return record.with_task(replace(waiting[0], state=TaskState.FAILED, finished_at=now, held=False))
    part = STAGE_NAMES[stage]
    return fail(
        record,
        Failure(
            code="NO_WORKER",
            message=f"No worker for the part {part} has been seen for {rules.no_worker_s:.0f} s.",
            remedy=f"Start the {part} service, then submit the video again.",
            part=part,
            retryable=True,
        ),
        now,
    )


def cancel(record: JobRecord, now: float) -> JobRecord:
    if not record.is_open:
        return record
    return replace(record, state=JobState.JOB_STATE_CANCELLED, finished_at=now)


def fail(record: JobRecord, failure: Failure, now: float) -> JobRecord:
    if not record.is_open:
        return record
    return replace(record, state=JobState.JOB_STATE_FAILED, error=failure, finished_at=now)


def _lose(record: JobRecord, task: LedgerTask, failure: Failure, now: float, rules: Rules) -> JobRecord:
    losses = task.losses + 1
    if failure.retryable and losses < rules.attempts:
        return record.with_task(replace(_waiting(task, now + rules.retry_s * losses), losses=losses))
    record = record.with_task(
        replace(task, state=TaskState.FAILED, failure=failure, losses=losses, finished_at=now, held=False)
    )
    # One clip that cannot be rendered does not take the others with it, and a preview is for showing only.
    is_needed = task.stage not in (Stage.STAGE_RENDER, Stage.STAGE_PREVIEW)
    return fail(record, failure, now) if is_needed else _advance(record, now)


def _waiting(task: LedgerTask, ready_at: float) -> LedgerTask:
    # What a lost recording said of parts that never came does not count; what a preview showed is shown on.
    result = None if task.stage == Stage.STAGE_RECORD else task.result
    return replace(task, state=TaskState.WAITING, ready_at=ready_at, held=False, progress=0.0, result=result)


def _heard_by_one(record: JobRecord, now: float) -> JobRecord:
    """One job, one set of models: parts that another engine heard than the first part's go out again, for that one.

    An engine that is not named is a worker's of the release before.
    """
    engine = plan.engine_of(record)
    for task in record.of(Stage.STAGE_AUDIO):
        heard = task.result
        if isinstance(heard, AudioAnalyzed) and heard.words and engine and heard.engine not in ("", engine):
            record = record.with_task(replace(_waiting(task, now), result=None, finished_at=None))
    return record


def _advance(record: JobRecord, now: float) -> JobRecord:
    record = _heard_by_one(record, now)
    record = live.previewed(record, now)
    if record.ingested is not None and (fault := language_fault(record)) is not None:
        return fail(record, fault, now)
    record = record.with_tasks(plan.next_tasks(record, now))
    if not plan.is_complete(record):
        return record
    renders = record.of(Stage.STAGE_RENDER)
    failures = [task.failure for task in renders if task.failure is not None]
    if renders and len(failures) == len(renders):
        return fail(record, failures[0], now)
    if record.scored is not None and not renders and not record.scored.shortages:
        return fail(record, _NO_REASON, now)
    has_remarks = bool(view.warnings_of(record)) or not renders
    state = JobState.JOB_STATE_COMPLETED_WITH_WARNINGS if has_remarks else JobState.JOB_STATE_COMPLETED
    return replace(record, state=state, finished_at=now)


def _lost(task: LedgerTask) -> Failure:
    part = STAGE_NAMES[task.stage]
    return Failure(
        code="WORKER_LOST",
        message=f"The worker that had a task of the part {part} went away {task.losses + 1} times.",
        remedy="Run the same command again: finished work is kept. If it happens again, the machine may be short of "
        "memory; the log has the details.",
        part=part,
        retryable=True,
    )


def _stalled(task: LedgerTask, rules: Rules) -> Failure:
    part = STAGE_NAMES[task.stage]
    return Failure(
        code="WORK_STALLED",
        message=f"A task of the part {part} made no progress for {rules.stall_s / 60:.0f} minutes.",
        remedy="Run the same command again: finished work is kept. If it happens again, please report it with the log.",
        part=part,
        retryable=True,
    )


_NO_REASON = Failure(
    code="INTERNAL",
    message="The part scoring gave neither clips nor a reason why there are none.",
    remedy="Please report it with the log.",
    part="scoring",
)
