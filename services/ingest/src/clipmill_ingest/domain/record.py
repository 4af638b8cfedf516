"""What the ledger keeps of a job: its tasks, and how it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.clips.v1.clips_pb2 import ClipOptions, ClipRendered, ClipsPreviewed, ClipsScored
from clipmill.common.v1.common_pb2 import Failure
from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill.media.v1.media_pb2 import MediaIngested, RecordedPart, Source
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed
from clipmill.work.v1.work_pb2 import Stage

Result: TypeAlias = MediaIngested | AudioAnalyzed | VisionAnalyzed | ClipsScored | ClipRendered | ClipsPreviewed

OPEN_STATES = frozenset({JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_RUNNING})
# Whose the answers to requests are that nobody proved to be theirs. No token can be for it and no call runs for it, so
# only who may read the topic itself sees them.
NOBODY = "-"
MAX_KEY = 200
STAGE_NAMES = {
    Stage.STAGE_IMPORT: "import",
    Stage.STAGE_AUDIO: "audio",
    Stage.STAGE_VISION: "vision",
    Stage.STAGE_SCORING: "scoring",
    Stage.STAGE_RENDER: "render",
    Stage.STAGE_RECORD: "record",
    Stage.STAGE_PREVIEW: "preview",
}


class TaskState(StrEnum):
    """A task's life: WAITING -> RELEASED -> DONE or FAILED; a lost one goes back to WAITING."""

    WAITING = "waiting"
    RELEASED = "released"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Rules:
    """How patient the ledger is. All in seconds but `attempts`."""

    # A lease lapses when no worker has renewed it for so long.
    lease_s: float = 20.0
    # A task is given up after so many retryable failures and lost leases.
    attempts: int = 3
    # A retried task waits so long for each time that it was lost.
    retry_s: float = 1.0
    # A task whose progress has not moved for so long is taken for lost, even if its worker renews the lease.
    stall_s: float = 1800.0
    # A released task may wait so long in its topic before workers drop it.
    queue_s: float = 600.0
    # A job fails when no worker of a stage that it needs has been seen for so long.
    no_worker_s: float = 600.0


@dataclass(frozen=True)
class LedgerTask:
    """One task. Times are Unix seconds. `attempt` counts releases, `losses` those that came to nothing."""

    task_id: str
    stage: Stage.ValueType
    part: int
    # Rough seconds of media, for fairness between owners and for the share of the progress.
    cost_s: float
    ready_at: float
    state: TaskState = TaskState.WAITING
    attempt: int = 0
    losses: int = 0
    lease_until: float = 0.0
    # True once a worker has said that it holds the task; until then it is queued in its topic.
    held: bool = False
    progress: float = 0.0
    moved_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    result: Result | None = None
    failure: Failure | None = None
    # What a task of a live source's part works on; the plan of other jobs follows from the import.
    recorded: RecordedPart | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in (TaskState.DONE, TaskState.FAILED)


@dataclass(frozen=True)
class JobRecord:
    """A job with all its tasks; treat the messages in it as frozen too."""

    job_id: str
    owner_id: str
    source: Source
    options: ClipOptions
    created_at: float
    state: JobState.ValueType = JobState.JOB_STATE_QUEUED
    finished_at: float | None = None
    error: Failure | None = None
    # What has been shown: progress never goes back, even when a task is lost.
    progress: float = 0.0
    tasks: tuple[LedgerTask, ...] = ()
    idempotency_key: str = ""
    # A live source whose owner has said that it is enough.
    input_ended: bool = False

    @property
    def is_live(self) -> bool:
        return self.source.HasField("live")

    @property
    def video_id(self) -> str | None:
        """None where it follows from a content that is not known yet."""
        if self.is_live:
            return derived_id("live video", self.owner_id, self.job_id)
        return self.ingested.video_id if self.ingested else None

    @property
    def recording(self) -> LedgerTask | None:
        """The task that records a live source."""
        return next(iter(self.of(Stage.STAGE_RECORD)), None)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    def of(self, stage: Stage.ValueType) -> tuple[LedgerTask, ...]:
        """The tasks of a stage, in order of part."""
        return tuple(task for task in self.tasks if task.stage == stage)

    def task(self, task_id: str) -> LedgerTask | None:
        return next((task for task in self.tasks if task.task_id == task_id), None)

    def with_task(self, changed: LedgerTask) -> JobRecord:
        return replace(self, tasks=tuple(changed if t.task_id == changed.task_id else t for t in self.tasks))

    def with_tasks(self, added: Iterable[LedgerTask]) -> JobRecord:
        return replace(self, tasks=(*self.tasks, *added))

    @property
    def ingested(self) -> MediaIngested | None:
        """What was imported; a recording's result counts once all of its parts are here."""
        return next((t.result for t in self.tasks if isinstance(t.result, MediaIngested) and t.has_ended), None)

    @property
    def scored(self) -> ClipsScored | None:
        return next((t.result for t in self.tasks if isinstance(t.result, ClipsScored)), None)


def derived_id(*meaning: str | int) -> str:
    """An id that is the same whenever it means the same."""
    return hashlib.sha256("\x1f".join(str(part) for part in meaning).encode()).hexdigest()[:32]


def new_task(job_id: str, stage: Stage.ValueType, part: int, cost_s: float, now: float) -> LedgerTask:
    return LedgerTask(derived_id(job_id, STAGE_NAMES[stage], part), stage, part, cost_s, now)
