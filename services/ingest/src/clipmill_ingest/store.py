"""What ingest keeps. Every function works inside the caller's transaction; rows and events are written as one act."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1.jobs_pb2 import Job, JobProgress, JobState
from clipmill.media.v1.media_pb2 import RecordedPart
from clipmill.work.v1.work_pb2 import JobControl, Stage, WorkerStatus
from clipmill_ingest import rows
from clipmill_ingest.domain import view
from clipmill_ingest.domain.record import JobRecord, LedgerTask, Rules, TaskState
from clipmill_ingest.domain.scheduler import Waiting
from clipmill_ingest.tables import history, jobs, tasks, workers
from clipmill_shared.events import Event, event_id
from clipmill_shared.outbox import Outbox

SOURCE = "/ingest"
# Parts of ended recordings that are erased at a time: more than a job has.
MAX_SPENT = 5000


@dataclass(frozen=True)
class Place:
    """Where a page of jobs begins: after this one, newest first."""

    created_at: float
    job_id: str


class Store:
    """Jobs, tasks, history and workers. Times are Unix seconds."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    # --- jobs ---

    async def add(self, on: AsyncConnection, record: JobRecord, now: float) -> Job:
        """Keep a new job and tell of it."""
        job = view.job_of(record)
        values = rows.job_values(record)
        values.update(snapshot=b"", sequence=0, told_at=now, is_changed=False)
        await on.execute(jobs.insert(), values)
        await self._write_tasks(on, record, ())
        await self._tell(on, job, now)
        return job

    async def load(self, on: AsyncConnection, job_id: str) -> JobRecord | None:
        """A job, locked until the transaction ends."""
        job = (await on.execute(select(jobs).where(jobs.c.job_id == job_id).with_for_update())).first()
        if job is None:
            return None
        query = select(tasks).where(tasks.c.job_id == job_id).order_by(tasks.c.stage, tasks.c.part)
        return rows.record_of(job, (await on.execute(query)).all())

    async def save(
        self, on: AsyncConnection, old: JobRecord, new: JobRecord, now: float, *events: Event[Message]
    ) -> None:
        """Write what has changed, tell of it at once where a state or a stage did, and send `events` with it."""
        if new is old:
            return
        new = replace(new, progress=view.progress_of(new))
        job = view.job_of(new)
        await on.execute(
            update(jobs).where(jobs.c.job_id == new.job_id).values(is_changed=True, **rows.job_values(new))
        )
        await self._write_tasks(on, new, old.tasks)
        if _is_news(old, new):
            await self._tell(on, job, now)
        if old.is_open and new.state in (JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED):
            events = (*events, _stop(new))
        await self._outbox.add(on, *events)

    async def tell(self, on: AsyncConnection, job_id: str, now: float) -> None:
        """Add the job as it is to its history."""
        record = await self.load(on, job_id)
        if record is not None and record.is_open:
            record = replace(record, progress=view.progress_of(record))
            await on.execute(update(jobs).where(jobs.c.job_id == job_id).values(progress=record.progress))
            await self._tell(on, view.job_of(record), now)

    async def answer(self, on: AsyncConnection, record: JobRecord) -> None:
        """Tell of a job that is not kept."""
        await self._publish(on, JobProgress(sequence=1, job=view.job_of(record)))

    async def _tell(self, on: AsyncConnection, job: Job, now: float) -> None:
        counted = (
            update(jobs)
            .where(jobs.c.job_id == job.job_id)
            .values(sequence=jobs.c.sequence + 1, told_at=now, is_changed=False, snapshot=job.SerializeToString())
            .returning(jobs.c.sequence)
        )
        sequence = (await on.execute(counted)).scalar_one()
        await on.execute(history.insert(), {"job_id": job.job_id, "sequence": sequence, "job": job.SerializeToString()})
        await self._publish(on, JobProgress(sequence=sequence, job=job))

    async def _publish(self, on: AsyncConnection, progress: JobProgress) -> None:
        job = progress.job
        name = event_id(job.job_id, "progress", progress.sequence)
        await self._outbox.add(on, Event(topics.JOBS_PROGRESS, progress, name, job.owner_id, SOURCE))

    async def _write_tasks(self, on: AsyncConnection, record: JobRecord, old: Sequence[LedgerTask]) -> None:
        before = {task.task_id: task for task in old}
        added = [rows.task_values(record.job_id, task) for task in record.tasks if task.task_id not in before]
        if added:
            await on.execute(tasks.insert(), added)
        await self.write_tasks(
            on, record.job_id, (task for task in record.tasks if before.get(task.task_id, task) is not task)
        )

    async def write_tasks(self, on: AsyncConnection, job_id: str, changed: Iterable[LedgerTask]) -> None:
        for task in changed:
            values = rows.task_values(job_id, task)
            await on.execute(update(tasks).where(tasks.c.task_id == task.task_id).values(values))

    async def renew(self, on: AsyncConnection, changed: Iterable[LedgerTask]) -> None:
        """Write the leases of tasks, unless a result or another release has come meanwhile."""
        for task in changed:
            is_out = and_(tasks.c.attempt == task.attempt, tasks.c.state == TaskState.RELEASED.value)
            values = {
                "state": task.state.value,
                "ready_at": task.ready_at,
                "lease_until": task.lease_until,
                "held": task.held,
                "progress": task.progress,
                "moved_at": task.moved_at,
            }
            await on.execute(update(tasks).where(tasks.c.task_id == task.task_id, is_out).values(values))

    async def pull_back(self, on: AsyncConnection, now: float, rules: Rules) -> None:
        """Let nothing wait for a time that a clock has written which has been set back since."""
        await on.execute(delete(workers).where(workers.c.seen_at > now))
        longest_s = rules.retry_s * rules.attempts
        is_waiting, is_out = (tasks.c.state == state.value for state in (TaskState.WAITING, TaskState.RELEASED))
        await on.execute(update(tasks).where(is_waiting, tasks.c.ready_at > now + longest_s).values(ready_at=now))
        until = now + rules.lease_s
        late = update(tasks).where(is_out, tasks.c.lease_until > until)
        await on.execute(late.values(lease_until=until, moved_at=now))

    async def mark_changed(self, on: AsyncConnection, job_ids: Collection[str]) -> None:
        if not job_ids:
            return
        # Locked in one order, so that two of these never wait for each other.
        locked = select(jobs.c.job_id).where(jobs.c.job_id.in_(job_ids)).order_by(jobs.c.job_id).with_for_update()
        await on.execute(locked)
        await on.execute(update(jobs).where(jobs.c.job_id.in_(job_ids)).values(is_changed=True))

    # --- what owners ask ---

    async def find(self, on: AsyncConnection, owner_id: str, job_id: str) -> Job | None:
        query = select(jobs.c.snapshot).where(jobs.c.job_id == job_id, jobs.c.owner_id == owner_id)
        found = (await on.execute(query)).scalar()
        return None if found is None else Job.FromString(found)

    async def find_by_key(self, on: AsyncConnection, owner_id: str, idempotency_key: str) -> Job | None:
        query = select(jobs.c.snapshot).where(jobs.c.owner_id == owner_id, jobs.c.idempotency_key == idempotency_key)
        found = (await on.execute(query)).scalar()
        return None if found is None else Job.FromString(found)

    async def page(
        self, on: AsyncConnection, owner_id: str, states: Sequence[int], after: Place | None, size: int
    ) -> Sequence[Job]:
        """An owner's jobs, newest first."""
        query = select(jobs.c.snapshot).where(jobs.c.owner_id == owner_id)
        if states:
            query = query.where(jobs.c.state.in_(states))
        if after is not None:
            query = query.where(tuple_(jobs.c.created_at, jobs.c.job_id) < tuple_(after.created_at, after.job_id))
        query = query.order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc()).limit(size)
        return [Job.FromString(row) for row in (await on.execute(query)).scalars()]

    async def history_after(
        self, on: AsyncConnection, owner_id: str, job_id: str, sequence: int, limit: int
    ) -> Sequence[JobProgress]:
        """The job's history after `sequence`, oldest first."""
        query = (
            select(history.c.sequence, history.c.job)
            .join(jobs)
            .where(jobs.c.owner_id == owner_id, history.c.job_id == job_id, history.c.sequence > sequence)
            .order_by(history.c.sequence)
            .limit(limit)
        )
        return [JobProgress(sequence=row.sequence, job=Job.FromString(row.job)) for row in await on.execute(query)]

    async def told(self, on: AsyncConnection, owner_id: str, job_id: str) -> tuple[int, bool] | None:
        """How long the job's history is, and whether it goes on; None when the owner has no such job."""
        query = select(jobs.c.sequence, jobs.c.is_open).where(jobs.c.job_id == job_id, jobs.c.owner_id == owner_id)
        found = (await on.execute(query)).first()
        return None if found is None else (found.sequence, found.is_open)

    async def last_ends(self, on: AsyncConnection, count: int) -> Sequence[float]:
        """When the jobs that ended last did so, the latest first."""
        query = select(jobs.c.finished_at).where(jobs.c.finished_at.is_not(None))
        return list((await on.execute(query.order_by(jobs.c.finished_at.desc()).limit(count))).scalars())

    async def open_jobs(self, on: AsyncConnection) -> int:
        return (await on.execute(select(func.count()).select_from(jobs).where(jobs.c.is_open))).scalar_one()

    # --- work ---

    async def see_worker(self, on: AsyncConnection, status: WorkerStatus, now: float) -> bool:
        """Remember a worker's status; True when it can take more than was known."""
        known = (await on.execute(select(workers).where(workers.c.worker_id == status.worker_id))).first()
        values = {"stage": status.stage, "slots": 0 if status.leaving else status.slots, "seen_at": now}
        if known is None:
            await on.execute(workers.insert(), {"worker_id": status.worker_id, **values})
            return True
        await on.execute(update(workers).where(workers.c.worker_id == status.worker_id).values(values))
        return bool(status.slots > known.slots)

    async def seen_workers(self, on: AsyncConnection, since: float) -> dict[Stage.ValueType, int]:
        """The slots of each stage whose workers have been seen since a time."""
        query = select(workers.c.stage, func.sum(workers.c.slots)).where(workers.c.seen_at >= since)
        return {
            Stage.ValueType(stage): slots for stage, slots in await on.execute(query.group_by(workers.c.stage)) if slots
        }

    async def last_seen(self, on: AsyncConnection) -> dict[Stage.ValueType, float]:
        """When a worker of each stage was last seen."""
        query = select(workers.c.stage, func.max(workers.c.seen_at)).group_by(workers.c.stage)
        return {Stage.ValueType(stage): seen_at for stage, seen_at in await on.execute(query)}

    async def released(self, on: AsyncConnection, stage: Stage.ValueType) -> Sequence[tuple[str, LedgerTask]]:
        """The tasks of a stage that are out, each with its job; few, because few are released."""
        query = (
            select(tasks)
            .join(jobs)
            .where(jobs.c.is_open, tasks.c.stage == stage, tasks.c.state == TaskState.RELEASED.value)
        )
        return [(row.job_id, rows.task_of(row)) for row in await on.execute(query)]

    async def waiting(self, on: AsyncConnection, stage: Stage.ValueType, each: int, now: float) -> Sequence[Waiting]:
        """The first `each` tasks of every owner that could go out, oldest job first.

        Of a job the longest first: then the cores that share them are done at nearly the same time.
        """
        place = func.row_number().over(
            partition_by=jobs.c.owner_id,
            order_by=(jobs.c.created_at, jobs.c.job_id, tasks.c.cost_s.desc(), tasks.c.part),
        )
        ranked = (
            select(tasks.c.task_id, tasks.c.job_id, jobs.c.owner_id, tasks.c.cost_s, place.label("place"))
            .join(jobs)
            .where(
                jobs.c.is_open,
                tasks.c.stage == stage,
                tasks.c.state == TaskState.WAITING.value,
                tasks.c.ready_at <= now,
            )
            .subquery()
        )
        query = select(ranked).where(ranked.c.place <= each).order_by(ranked.c.place)
        return [Waiting(row.task_id, row.job_id, row.owner_id, row.cost_s) for row in await on.execute(query)]

    async def unfinished_stages(self, on: AsyncConnection) -> Sequence[tuple[str, Stage.ValueType]]:
        """The (job, stage) pairs with tasks that have not ended."""
        query = (
            select(tasks.c.job_id, tasks.c.stage)
            .join(jobs)
            .where(jobs.c.is_open, tasks.c.state.in_((TaskState.WAITING.value, TaskState.RELEASED.value)))
            .distinct()
        )
        return [(job_id, Stage.ValueType(stage)) for job_id, stage in await on.execute(query)]

    async def overdue(self, on: AsyncConnection, lapsed: float, stalled: float) -> Sequence[str]:
        """Jobs with a task that is out with a lease before `lapsed`, or without progress since `stalled`."""
        query = (
            select(tasks.c.job_id)
            .join(jobs)
            .where(
                jobs.c.is_open,
                tasks.c.state == TaskState.RELEASED.value,
                or_(tasks.c.lease_until <= lapsed, tasks.c.moved_at <= stalled),
            )
            .distinct()
        )
        return list((await on.execute(query)).scalars())

    async def to_tell(self, on: AsyncConnection, changed: float, silent: float) -> Sequence[str]:
        """Open jobs that changed and were last told of before `changed`, or that work and were silent since `silent`.

        A job whose tasks all wait for their turn has nothing to tell, however long it waits.
        """
        is_out = select(tasks.c.task_id).where(
            tasks.c.job_id == jobs.c.job_id, tasks.c.state == TaskState.RELEASED.value
        )
        query = select(jobs.c.job_id).where(
            jobs.c.is_open,
            or_(
                and_(jobs.c.is_changed, jobs.c.told_at <= changed),
                and_(jobs.c.state == JobState.JOB_STATE_RUNNING, jobs.c.told_at <= silent, is_out.exists()),
            ),
        )
        return list((await on.execute(query)).scalars())

    # --- forgetting ---

    async def jobs_of_video(self, on: AsyncConnection, owner_id: str, video_id: str) -> Sequence[str]:
        query = select(jobs.c.job_id).where(jobs.c.owner_id == owner_id, jobs.c.video_id == video_id)
        return list((await on.execute(query)).scalars())

    async def spent_parts(self, on: AsyncConnection) -> Sequence[tuple[str, str, BlobRef]]:
        """What live sources were recorded into whose jobs have ended: task id, owner and blob each."""
        return await self._parts(on, ~jobs.c.is_open)

    async def parts_of(self, on: AsyncConnection, job_ids: Collection[str]) -> Sequence[tuple[str, str, BlobRef]]:
        return await self._parts(on, jobs.c.job_id.in_(job_ids))

    async def _parts(self, on: AsyncConnection, which: ColumnElement[bool]) -> Sequence[tuple[str, str, BlobRef]]:
        query = select(tasks.c.task_id, jobs.c.owner_id, tasks.c.recorded).join(jobs)
        found = await on.execute(query.where(which, tasks.c.recorded.is_not(None)).limit(MAX_SPENT))
        return [(row.task_id, row.owner_id, RecordedPart.FromString(row.recorded).blob) for row in found]

    async def parts_in_use(self, on: AsyncConnection, owner_id: str) -> set[str]:
        """SHA-256 of what an owner's open jobs were recorded into: another recording may be of the same content."""
        query = select(tasks.c.recorded).join(jobs).where(jobs.c.is_open, jobs.c.owner_id == owner_id)
        found = (await on.execute(query.where(tasks.c.recorded.is_not(None)))).scalars()
        return {RecordedPart.FromString(recorded).blob.sha256 for recorded in found}

    async def drop_parts(self, on: AsyncConnection, task_ids: Sequence[str]) -> None:
        await on.execute(update(tasks).where(tasks.c.task_id.in_(task_ids)).values(recorded=None))

    async def forget(self, on: AsyncConnection, job_ids: Sequence[str]) -> None:
        """Erase jobs with their tasks and history."""
        await on.execute(delete(jobs).where(jobs.c.job_id.in_(job_ids)))

    async def prune(self, on: AsyncConnection, ended_before: float, keep_jobs: int, keep_history: int) -> None:
        """Forget jobs that ended before a time, or beyond a number, and all but the last events of every job."""
        newest = select(jobs.c.job_id).order_by(jobs.c.created_at.desc()).limit(keep_jobs)
        await on.execute(
            delete(jobs).where(~jobs.c.is_open, or_(jobs.c.finished_at < ended_before, jobs.c.job_id.not_in(newest)))
        )
        length = select(jobs.c.sequence).where(jobs.c.job_id == history.c.job_id).scalar_subquery()
        await on.execute(delete(history).where(history.c.sequence <= length - keep_history))
        await on.execute(delete(workers).where(workers.c.seen_at < ended_before))


def _is_news(old: JobRecord, new: JobRecord) -> bool:
    """True when the job's state or a stage's beginning or end changed: told at once, all else a few times a second."""
    return old.state != new.state or _stages(old) != _stages(new)


def _stages(record: JobRecord) -> list[tuple[int, bool]]:
    return sorted({(task.stage, all(t.has_ended for t in record.of(task.stage))) for task in record.tasks})


def _stop(record: JobRecord) -> Event[Message]:
    control = JobControl(owner_id=record.owner_id, job_id=record.job_id, command=JobControl.COMMAND_CANCEL)
    return Event(topics.JOBS_CONTROL, control, event_id(record.job_id, "cancel"), record.owner_id, SOURCE)


def input_ended(record: JobRecord) -> Event[Message]:
    control = JobControl(owner_id=record.owner_id, job_id=record.job_id, command=JobControl.COMMAND_END_INPUT)
    return Event(topics.JOBS_CONTROL, control, event_id(record.job_id, "end of input"), record.owner_id, SOURCE)
