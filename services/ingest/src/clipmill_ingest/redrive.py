"""What ingest says again when the broker has lost what was said: the ledger knows it all.

A broker that was wiped, or replaced by another, has lost events that were stored and not read by everyone. Whoever read
them takes them once more without harm: an event has the id that it had.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import structlog
from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.jobs.v1.jobs_pb2 import Job, JobProgress, JobState
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import JobControl, Stage
from clipmill_ingest.domain.record import STAGE_NAMES, TaskState
from clipmill_ingest.rows import RESULTS
from clipmill_ingest.store import SOURCE
from clipmill_ingest.tables import jobs, tasks
from clipmill_shared.bus.contract import LogId
from clipmill_shared.events import Event, event_id
from clipmill_shared.outbox import Outbox

log = structlog.get_logger()
STAGE_OF: dict[str, Stage.ValueType] = {
    topics.MEDIA_INGESTED.name: Stage.STAGE_IMPORT,
    topics.AUDIO_ANALYZED.name: Stage.STAGE_AUDIO,
    topics.VISION_ANALYZED.name: Stage.STAGE_VISION,
    topics.CLIPS_SCORED.name: Stage.STAGE_SCORING,
    topics.CLIPS_RENDERED.name: Stage.STAGE_RENDER,
    topics.CLIPS_PREVIEWED.name: Stage.STAGE_PREVIEW,
}
TOPIC_OF = {stage: next(t for t in topics.ALL if t.name == name) for name, stage in STAGE_OF.items()}
# A recording gives an import's result, and parts on its way: what was lost of these is recorded again.
TOPIC_OF[Stage.STAGE_RECORD] = topics.MEDIA_INGESTED
RECORDINGS = (topics.MEDIA_INGESTED.name, topics.MEDIA_PARTS.name)
STOPPED = (JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED)


class Redrive:
    """Called, within the transaction that finds it, with each topic whose log is another than the one that was read.

    Where a stage's results were lost: those of open jobs, and of jobs that ended within `ended_s`, are published again,
    and the stage's tasks that no worker holds go out anew (what workers hold ends by itself, or its lease lapses).
    Where the requests were lost: how these jobs stand, and cancels.
    """

    def __init__(self, outbox: Outbox, ended_s: float, clock: Callable[[], float] = time.time) -> None:
        self._outbox = outbox
        self._ended_s = ended_s
        self._clock = clock

    async def __call__(self, on: AsyncConnection, lost: LogId) -> None:
        now = self._clock()
        recent = or_(jobs.c.is_open, jobs.c.finished_at >= now - self._ended_s)
        said = 0
        stages = [STAGE_OF[lost.topic]] if lost.topic in STAGE_OF else []
        for stage in stages + [Stage.STAGE_RECORD] * (lost.topic in RECORDINGS):
            await _hand_back(on, stage, now)
            async for event in _results(on, stage, recent):
                await self._outbox.add(on, event)
                said += 1
        if lost.topic == topics.INGEST_REQUESTS.name:
            for row in (await on.execute(select(jobs).where(recent))).all():
                events = _standing(row)
                await self._outbox.add(on, *events)
                said += len(events)
        log.warning(
            "a topic has lost its records; what others may have missed is said again", topic=lost.topic, said=said
        )


async def _hand_back(on: AsyncConnection, stage: Stage.ValueType, now: float) -> None:
    """Let tasks that were released, and that no worker has said to hold, go out anew; that costs them nothing."""
    queued = (tasks.c.stage == stage, tasks.c.state == TaskState.RELEASED.value, tasks.c.held.is_(False))
    waiting = {"state": TaskState.WAITING.value, "ready_at": now, "progress": 0.0}
    # Jobs before tasks, as every other change takes them.
    theirs = jobs.c.is_open & jobs.c.job_id.in_(select(tasks.c.job_id).where(*queued))
    await on.execute(update(jobs).where(theirs).values(is_changed=True))
    await on.execute(update(tasks).where(*queued).values(waiting))


async def _results(
    on: AsyncConnection, stage: Stage.ValueType, recent: ColumnElement[bool]
) -> AsyncIterator[Event[Message]]:
    """The results of a stage, as its workers published them."""
    query = (
        select(tasks.c.task_id, tasks.c.attempt, tasks.c.result, tasks.c.finished_at, jobs.c.owner_id)
        .join(jobs)
        .where(recent, tasks.c.stage == stage, tasks.c.state == TaskState.DONE.value)
        .order_by(jobs.c.created_at, tasks.c.job_id, tasks.c.part)
    )
    topic: Topic = TOPIC_OF[stage]
    for row in (await on.execute(query)).all():
        name = event_id(row.task_id, row.attempt, topic.name)
        # The time is what readers order results by: it stays what it was.
        at = datetime.fromtimestamp(row.finished_at or 0.0, UTC)
        yield Event(topic, RESULTS[stage].FromString(row.result), name, row.owner_id, f"/{STAGE_NAMES[stage]}", at)


def _standing(row: Row[tuple[object, ...]]) -> list[Event[Message]]:
    """How a job stands, and that its work is to stop if it is."""
    progress = JobProgress(sequence=row.sequence, job=Job.FromString(row.snapshot))
    name = event_id(row.job_id, "progress", row.sequence)
    events: list[Event[Message]] = [Event(topics.JOBS_PROGRESS, progress, name, row.owner_id, SOURCE)]
    if row.state in STOPPED:
        control = JobControl(owner_id=row.owner_id, job_id=row.job_id, command=JobControl.COMMAND_CANCEL)
        events.append(Event(topics.JOBS_CONTROL, control, event_id(row.job_id, "cancel"), row.owner_id, SOURCE))
    return events
