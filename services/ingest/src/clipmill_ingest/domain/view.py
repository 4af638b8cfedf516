"""A job as its owner sees it."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from clipmill.clips.v1.clips_pb2 import ClipRendered
from clipmill.common.v1.common_pb2 import ModelVersion, Warning  # noqa: A004 - the message's name
from clipmill.jobs.v1.jobs_pb2 import Job, JobState, Sharing, StageProgress
from clipmill.media.v1.media_pb2 import MediaIngested
from clipmill.work.v1.work_pb2 import Stage
from clipmill_ingest.domain import live
from clipmill_ingest.domain.address import shown
from clipmill_ingest.domain.record import JobRecord, LedgerTask, TaskState

# Shares of the whole: where the time went on ten minutes of talk, one stage with another.
WEIGHTS = {
    Stage.STAGE_IMPORT: 0.05,
    Stage.STAGE_RECORD: 0.05,
    Stage.STAGE_AUDIO: 0.35,
    Stage.STAGE_VISION: 0.35,
    Stage.STAGE_SCORING: 0.02,
    Stage.STAGE_RENDER: 0.23,
}
# Of a live source's progress, as much is recording it; how long that takes is known only where its end is.
RECORDING_SHARE = 0.7
# An event is at most 64 KiB; the first remarks say the most.
MAX_WARNINGS = 50
MAX_TEXT = 500


def job_of(record: JobRecord) -> Job:
    """The whole of what a job's owner may see."""
    job = Job(
        job_id=record.job_id,
        owner_id=record.owner_id,
        state=record.state,
        source=shown(record.source),
        options=record.options,
        progress=record.progress,
        stages=[_stage_progress(stage, tasks) for stage in WEIGHTS if (tasks := record.of(stage))],
        warnings=warnings_of(record),
        error=record.error,
        created_at=timestamp(record.created_at),
        clip_ids=[task.result.clip_id for task in record.tasks if isinstance(task.result, ClipRendered)],
        models=_models_of(record),
        cached=bool(record.tasks) and all(_is_cached(task) for task in record.tasks),
        idempotency_key=record.idempotency_key,
        live=live.progress_of(record),
        shared=_shared(record),
    )
    if record.finished_at is not None:
        job.finished_at.CopyFrom(timestamp(record.finished_at))
    if record.ingested is not None:
        job.video_id = record.ingested.video_id
        job.info.CopyFrom(record.ingested.info)
        job.video_source.CopyFrom(record.ingested.source)
    if record.scored is not None:
        job.shortages.extend(record.scored.shortages)
    return job


def progress_of(record: JobRecord) -> float:
    """0 to 1 over all stages, never less than before. A stage that is not planned yet counts as not begun."""
    if record.state in (JobState.JOB_STATE_COMPLETED, JobState.JOB_STATE_COMPLETED_WITH_WARNINGS):
        return 1.0
    weights = dict(WEIGHTS)
    del weights[Stage.STAGE_IMPORT if record.is_live else Stage.STAGE_RECORD]
    if record.is_live and record.ingested is None:
        return max(record.progress, RECORDING_SHARE * _share(record.of(Stage.STAGE_RECORD)))
    if record.ingested is not None and not _has_sound(record, record.ingested):
        del weights[Stage.STAGE_AUDIO]
    done = sum(weight * _share(record.of(stage)) for stage, weight in weights.items())
    return max(record.progress, min(done / sum(weights.values()), 0.999))


def _has_sound(record: JobRecord, ingested: MediaIngested) -> bool:
    return ingested.info.HasField("audio") if record.is_live else ingested.HasField("speech")


def warnings_of(record: JobRecord) -> list[Warning]:
    """Every remark, each once: what the parts said, then the clips that could not be rendered."""
    seen: dict[bytes, Warning] = {}
    for warning in _warnings(record):
        seen.setdefault(warning.SerializeToString(deterministic=True), warning)
    return list(seen.values())[:MAX_WARNINGS]


def timestamp(unix_s: float) -> Timestamp:
    result = Timestamp()
    result.FromNanoseconds(round(unix_s * 1e9))
    return result


def _warnings(record: JobRecord) -> Iterator[Warning]:
    for task in record.tasks:
        for said in task.recorded.warnings if task.recorded else ():
            yield said
        if task.stage == Stage.STAGE_PREVIEW:
            continue
        if task.result is not None:
            for said in task.result.answer.warnings:
                yield Warning(code=said.code, message=said.message[:MAX_TEXT], part=said.part)
        elif task.failure is not None and task.stage == Stage.STAGE_RENDER and record.scored is not None:
            clip = record.scored.clips[task.part]
            why = f"{task.failure.message} {task.failure.remedy}"
            yield Warning(
                code="RENDER_FAILED",
                message=f"Clip {clip.rank} ({clip.clip_id}) could not be rendered: {why}"[:MAX_TEXT],
                part="render",
            )


def _models_of(record: JobRecord) -> list[ModelVersion]:
    found = {
        (model.task, model.name, model.version): model
        for task in record.tasks
        if task.result is not None
        for model in task.result.answer.models
    }
    return [found[key] for key in sorted(found)]


def _shared(record: JobRecord) -> Iterator[Sharing]:
    """What was taken from an earlier video, a line a stage."""
    for stage in (Stage.STAGE_AUDIO, Stage.STAGE_VISION):
        answers = [task.result.answer for task in record.of(stage) if task.result is not None]
        twins = [answer.twin for answer in answers if answer.HasField("twin")]
        if twins:
            yield Sharing(
                stage=stage,
                video_id=twins[0].video_id,
                name=twins[0].name,
                offset_s=sum(twin.offset_s for twin in twins) / len(twins),
                parts=len(twins),
                saved_s=sum(twin.saved_s for twin in twins),
            )


def _stage_progress(stage: Stage.ValueType, tasks: tuple[LedgerTask, ...]) -> StageProgress:
    progress = StageProgress(
        stage=stage,
        progress=_share(tasks),
        parts=len(tasks),
        parts_done=sum(task.has_ended for task in tasks),
        cached=all(_is_cached(task) for task in tasks),
    )
    started = [task.started_at for task in tasks if task.started_at is not None]
    finished = [task.finished_at for task in tasks if task.finished_at is not None]
    if started:
        progress.started_at.CopyFrom(timestamp(min(started)))
    if len(finished) == len(tasks):
        progress.finished_at.CopyFrom(timestamp(max(finished)))
    return progress


def _share(tasks: tuple[LedgerTask, ...]) -> float:
    """The share of the tasks' cost that is done, 0 to 1."""
    total = sum(task.cost_s for task in tasks)
    if total <= 0:
        return 0.0
    return min(sum(task.cost_s * (1.0 if task.has_ended else task.progress) for task in tasks) / total, 1.0)


def _is_cached(task: LedgerTask) -> bool:
    return task.state == TaskState.DONE and task.result is not None and task.result.answer.cached
