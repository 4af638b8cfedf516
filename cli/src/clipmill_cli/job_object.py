"""A job as JSON, alike in every command."""

from __future__ import annotations

from typing import TypedDict

from google.protobuf.timestamp_pb2 import Timestamp

from clipmill.common.v1.common_pb2 import Failure
from clipmill.jobs.v1.jobs_pb2 import Job, JobState, LiveProgress
from clipmill.work.v1.work_pb2 import Stage

# What a stage is called, for people and, in small letters, for programs.
STAGES = {
    Stage.STAGE_IMPORT: "Reading",
    Stage.STAGE_RECORD: "Recording",
    Stage.STAGE_AUDIO: "Hearing",
    Stage.STAGE_VISION: "Seeing",
    Stage.STAGE_SCORING: "Choosing",
    Stage.STAGE_RENDER: "Rendering",
}


class StageObject(TypedDict):
    """`progress` is 0 to 1 over all parts."""

    stage: str
    progress: float
    parts: int
    parts_done: int
    cached: bool


class WarningObject(TypedDict):
    code: str
    message: str
    part: str


class ErrorObject(TypedDict):
    code: str
    message: str
    remedy: str
    part: str


class ShortageObject(TypedDict):
    """Why there are fewer clips than asked for."""

    code: str
    message: str
    remedy: str


class LineObject(TypedDict):
    """What was said; `number` counts the lines of a job."""

    number: int
    start_s: float
    end_s: float
    text: str


class CandidateObject(TypedDict):
    """What might become a clip. It is none."""

    start_s: float
    end_s: float
    score: float
    title: str


class LiveObject(TypedDict):
    """How far a live source is, in seconds; the lines are the last few."""

    recorded_s: float
    heard_s: float
    seen_s: float
    ended: bool
    lines: list[LineObject]
    candidates: list[CandidateObject]


class SharingObject(TypedDict):
    """What was taken from an earlier video that holds the same; `offset_s` is this video's clock less that one's."""

    stage: str
    video_id: str
    video: str
    offset_s: float
    parts: int
    saved_s: float


class JobObject(TypedDict):
    """`state` is QUEUED, RUNNING, COMPLETED, COMPLETED_WITH_WARNINGS, FAILED or CANCELLED; times are ISO 8601, UTC."""

    job_id: str
    state: str
    progress: float
    video: str
    stages: list[StageObject]
    warnings: list[WarningObject]
    shortages: list[ShortageObject]
    error: ErrorObject | None
    clips: int
    live: LiveObject | None
    shared: list[SharingObject]
    cached: bool
    key: str
    created_at: str | None
    finished_at: str | None


def state_of(job: Job) -> str:
    return JobState.Name(job.state).removeprefix("JOB_STATE_")


def video_of(job: Job) -> str:
    """What the job's video is called."""
    return job.source.name or job.source.url or job.source.path


def job_object(job: Job) -> JobObject:
    return JobObject(
        job_id=job.job_id,
        state=state_of(job),
        progress=round(job.progress, 4),
        video=video_of(job),
        stages=[
            StageObject(
                stage=STAGES[s.stage].lower(),
                progress=round(s.progress, 4),
                parts=s.parts,
                parts_done=s.parts_done,
                cached=s.cached,
            )
            for s in job.stages
        ],
        warnings=[WarningObject(code=w.code, message=w.message, part=w.part) for w in job.warnings],
        shortages=[ShortageObject(code=s.code, message=s.message, remedy=s.remedy) for s in job.shortages],
        error=_error(job.error) if job.HasField("error") else None,
        clips=len(job.clip_ids),
        live=_live(job.live) if job.HasField("live") else None,
        shared=[
            SharingObject(
                stage=STAGES[s.stage].lower(),
                video_id=s.video_id,
                video=s.name,
                offset_s=round(s.offset_s, 3),
                parts=s.parts,
                saved_s=round(s.saved_s, 3),
            )
            for s in job.shared
        ],
        cached=job.cached,
        key=job.idempotency_key,
        created_at=_time(job.created_at) if job.HasField("created_at") else None,
        finished_at=_time(job.finished_at) if job.HasField("finished_at") else None,
    )


def _live(live: LiveProgress) -> LiveObject:
    return LiveObject(
        recorded_s=round(live.recorded_s, 2),
        heard_s=round(live.heard_s, 2),
        seen_s=round(live.seen_s, 2),
        ended=live.ended,
        lines=[
            LineObject(number=line.number, start_s=line.range.start_s, end_s=line.range.end_s, text=line.text)
            for line in live.lines
        ],
        candidates=[
            CandidateObject(start_s=c.range.start_s, end_s=c.range.end_s, score=round(c.score, 1), title=c.title)
            for c in live.candidates
        ],
    )


def _error(error: Failure) -> ErrorObject:
    return ErrorObject(code=error.code, message=error.message, remedy=error.remedy, part=error.part)


def _time(time: Timestamp) -> str:
    return str(time.ToJsonString())
