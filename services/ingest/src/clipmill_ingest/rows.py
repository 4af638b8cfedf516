"""Ledger records as rows, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Row

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.clips.v1.clips_pb2 import ClipOptions, ClipRendered, ClipsPreviewed, ClipsScored
from clipmill.common.v1.common_pb2 import Failure
from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill.media.v1.media_pb2 import MediaIngested, RecordedPart, Source
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill.work.v1.work_pb2 import Stage
from clipmill_ingest.domain.record import JobRecord, LedgerTask, Result, TaskState

Values: TypeAlias = dict[str, object]

RESULTS: dict[Stage.ValueType, type[Result]] = {
    Stage.STAGE_IMPORT: MediaIngested,
    Stage.STAGE_AUDIO: AudioAnalyzed,
    Stage.STAGE_VISION: VisionAnalyzed,
    Stage.STAGE_SCORING: ClipsScored,
    Stage.STAGE_RENDER: ClipRendered,
    Stage.STAGE_RECORD: MediaIngested,
    Stage.STAGE_PREVIEW: ClipsPreviewed,
}


def job_values(record: JobRecord) -> Values:
    """The columns of a job that follow from its record."""
    return {
        "job_id": record.job_id,
        "owner_id": record.owner_id,
        "idempotency_key": record.idempotency_key or None,
        "video_id": record.video_id,
        "state": record.state,
        "is_open": record.is_open,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
        "progress": record.progress,
        "source": record.source.SerializeToString(),
        "options": record.options.SerializeToString(),
        "error": record.error.SerializeToString() if record.error else None,
        "input_ended": record.input_ended,
    }


def task_values(job_id: str, task: LedgerTask) -> Values:
    return {
        "task_id": task.task_id,
        "job_id": job_id,
        "stage": task.stage,
        "part": task.part,
        "state": task.state.value,
        "attempt": task.attempt,
        "losses": task.losses,
        "cost_s": task.cost_s,
        "ready_at": task.ready_at,
        "lease_until": task.lease_until,
        "held": task.held,
        "progress": task.progress,
        "moved_at": task.moved_at,
        "started_at": task.started_at,
        "finished_at": task.finished_at,
        "result": task.result.SerializeToString() if task.result else None,
        "failure": task.failure.SerializeToString() if task.failure else None,
        "recorded": task.recorded.SerializeToString() if task.recorded else None,
    }


def task_of(row: Row[tuple[object, ...]]) -> LedgerTask:
    stage = Stage.ValueType(row.stage)
    return LedgerTask(
        task_id=row.task_id,
        stage=stage,
        part=row.part,
        cost_s=row.cost_s,
        ready_at=row.ready_at,
        state=TaskState(row.state),
        attempt=row.attempt,
        losses=row.losses,
        lease_until=row.lease_until,
        held=row.held,
        progress=row.progress,
        moved_at=row.moved_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=RESULTS[stage].FromString(row.result) if row.result is not None else None,
        failure=Failure.FromString(row.failure) if row.failure is not None else None,
        recorded=RecordedPart.FromString(row.recorded) if row.recorded is not None else None,
    )


def record_of(job: Row[tuple[object, ...]], tasks: Sequence[Row[tuple[object, ...]]]) -> JobRecord:
    return JobRecord(
        job_id=job.job_id,
        owner_id=job.owner_id,
        source=Source.FromString(job.source),
        options=ClipOptions.FromString(job.options),
        created_at=job.created_at,
        state=JobState.ValueType(job.state),
        finished_at=job.finished_at,
        error=Failure.FromString(job.error) if job.error is not None else None,
        progress=job.progress,
        tasks=tuple(task_of(row) for row in tasks),
        idempotency_key=job.idempotency_key or "",
        input_ended=bool(job.input_ended),
    )
