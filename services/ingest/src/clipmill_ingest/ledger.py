"""The ledger at work: what happens to jobs, each change one transaction, and the loop that drives what time brings."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import Failure
from clipmill.jobs.v1.jobs_pb2 import Job
from clipmill.media.v1.media_pb2 import Source
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import Stage, TaskFailed, WorkerStatus
from clipmill_ingest.domain import plan, scheduler, transitions
from clipmill_ingest.domain.record import JobRecord, Result, Rules, derived_id
from clipmill_ingest.domain.scheduler import Turns, Waiting
from clipmill_ingest.settings import IngestSettings
from clipmill_ingest.store import SOURCE, Store
from clipmill_ingest.watchers import Signal
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, event_id
from clipmill_shared.sql import Database, after_commit, serial

log = structlog.get_logger()

# At most four events a second of a job, and one every two seconds while it works (with room for a busy machine).
TELL_EVERY_S = 0.25
SILENT_AT_MOST_S = 1.5
IDLE_S = 1.0
# Jobs are admitted one by one: a key is used once, and no more are open than may be.
ADMISSION = "admission"

TASK_TOPICS: dict[Stage.ValueType, Topic] = {
    Stage.STAGE_IMPORT: topics.IMPORT_TASKS,
    Stage.STAGE_AUDIO: topics.AUDIO_TASKS,
    Stage.STAGE_VISION: topics.VISION_TASKS,
    Stage.STAGE_SCORING: topics.SCORING_TASKS,
    Stage.STAGE_RENDER: topics.RENDER_TASKS,
}

Change = Callable[[JobRecord, float], JobRecord]


class QueueFullError(ClipmillError):
    """As many jobs are open as may be."""

    def __init__(self, open_jobs: int) -> None:
        super().__init__("QUEUE_FULL", f"{open_jobs} jobs are open already.", "Submit again in 60 s.", retryable=True)


class Ledger:
    """Every change of a job goes through here. `changed` fires after each commit that a watcher could see."""

    def __init__(
        self, settings: IngestSettings, database: Database, store: Store, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._clock = clock
        self._rules = Rules(
            lease_s=settings.lease_s,
            attempts=settings.attempts,
            retry_s=settings.retry_s,
            stall_s=settings.stall_s,
            queue_s=settings.queue_s,
            no_worker_s=settings.no_worker_s,
        )
        self._due = asyncio.Event()
        self._turns: dict[Stage.ValueType, Turns] = defaultdict(Turns)
        self.changed = Signal()

    # --- what people ask ---

    async def submit(
        self, owner_id: str, source: Source, options: ClipOptions, idempotency_key: str, refusal: Failure | None = None
    ) -> Job:
        """Admit a job, or give the one that this key named before. With `refusal` the job is kept as failed, for those
        who asked by an event and can be answered in no other way. QueueFullError when there are too many."""
        key = idempotency_key or None
        now = self._clock()
        async with self._database.transaction() as on:
            await serial(on, ADMISSION)
            if key and (known := await self._store.find_by_key(on, owner_id, key)):
                return known
            if refusal is None and (count := await self._store.open_jobs(on)) >= self._settings.max_open_jobs:
                raise QueueFullError(count)
            job_id = derived_id("job", owner_id, key) if key else derived_id("job", owner_id, time.time_ns())
            record = transitions.admit(job_id, owner_id, source, options, now)
            if refusal is not None:
                record = transitions.fail(record, refusal, now)
            self._wake_after(on)
            return await self._store.add(on, record, key, now)

    async def cancel(self, owner_id: str, job_id: str) -> Job | None:
        """Cancel a job; one that has ended stays as it is. None when the owner has no such job."""
        async with self._database.reading() as on:
            if await self._store.find(on, owner_id, job_id) is None:
                return None
        await self.change(job_id, transitions.cancel)
        async with self._database.reading() as on:
            return await self._store.find(on, owner_id, job_id)

    async def forget_video(self, owner_id: str, video_id: str) -> None:
        """Cancel and erase every job of a video."""
        async with self._database.reading() as on:
            job_ids = await self._store.jobs_of_video(on, owner_id, video_id)
        for job_id in job_ids:
            await self.change(job_id, transitions.cancel)
            async with self._database.transaction() as on:
                await self._store.forget(on, [job_id])
                after_commit(on, self.changed.fire)

    # --- what workers say ---

    async def take_result(self, result: Result) -> None:
        await self.change(result.task.job_id, lambda record, now: transitions.take_result(record, result, now))

    async def take_failure(self, failed: TaskFailed) -> None:
        rules = self._rules
        await self.change(failed.task.job_id, lambda record, now: transitions.take_failure(record, failed, now, rules))

    async def take_status(self, status: WorkerStatus) -> None:
        now = self._clock()
        async with self._database.transaction() as on:
            if await self._store.see_worker(on, status, now):
                after_commit(on, self._due.set)
            released = await self._store.released(on, status.stage)
            job_of = {task.task_id: job_id for job_id, task in released}
            changed = transitions.renew([task for _, task in released], status, now, self._rules)
            for task in changed:
                await self._store.write_tasks(on, job_of[task.task_id], (task,))
            await self._store.mark_changed(on, {job_of[task.task_id] for task in changed})

    async def change(self, job_id: str, change: Change) -> None:
        """Apply a transition to a job, if there is such a job."""
        now = self._clock()
        async with self._database.transaction() as on:
            old = await self._store.load(on, job_id)
            if old is None:
                return
            new = change(old, now)
            if new is not old:
                await self._store.save(on, old, new, now)
                self._wake_after(on)

    # --- what time brings ---

    async def drive(self) -> None:
        """Release tasks as places become free, and end what has waited too long. One process at a time does this."""
        async with self._database.exclusive("ledger"):
            while True:
                self._due.clear()
                is_busy = await self.tick()
                # Not wait_for: in Python 3.11 it loses a cancel that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(TELL_EVERY_S if is_busy else IDLE_S):
                        await self._due.wait()

    async def prune(self) -> None:
        """Forget what is old, for ever."""
        settings = self._settings
        while True:
            before = self._clock() - settings.keep_jobs_days * 86400
            async with self._database.transaction() as on:
                await self._store.prune(on, before, settings.keep_jobs, settings.keep_events_per_job)
            await asyncio.sleep(settings.prune_every_s)

    async def tick(self) -> bool:
        """Do what is due now; True when jobs are open."""
        now = self._clock()
        async with self._database.reading() as on:
            unfinished = await self._store.unfinished_stages(on)
            if not unfinished:
                return False
            overdue = await self._store.overdue(on, now, now - self._rules.stall_s)
            last_seen = await self._store.last_seen(on)
        for job_id in overdue:
            log.warning("a task was lost or stalled", job_id=job_id)
            await self.change(job_id, lambda record, at: transitions.lapse(record, at, self._rules))
        for job_id, stage in unfinished:
            seen = last_seen.get(stage, 0.0)
            if now - seen >= self._rules.no_worker_s:
                await self.change(job_id, self._give_up(stage, seen))
        await self._release({stage for _, stage in unfinished})
        await self._tell_what_changed()
        return True

    def _give_up(self, stage: Stage.ValueType, last_seen: float) -> Change:
        return lambda record, now: transitions.give_up_without_worker(record, stage, last_seen, now, self._rules)

    async def _tell_what_changed(self) -> None:
        now = self._clock()
        async with self._database.reading() as on:
            job_ids = await self._store.to_tell(on, now - TELL_EVERY_S, now - SILENT_AT_MOST_S)
        for job_id in job_ids:
            async with self._database.transaction() as on:
                await self._store.tell(on, job_id, now)
                after_commit(on, self.changed.fire)

    async def _release(self, stages: set[Stage.ValueType]) -> None:
        """Release as many tasks of these stages as their live workers have places for."""
        now = self._clock()
        for stage in sorted(stages):
            async with self._database.reading() as on:
                slots = (await self._store.seen_workers(on, now - self._settings.worker_live_s)).get(stage, 0)
                places = scheduler.places([slots], len(await self._store.released(on, stage)))
                waiting = await self._store.waiting(on, stage, places, now) if places else ()
            if waiting:
                chosen, self._turns[stage] = scheduler.choose(waiting, places, self._turns[stage])
                await self._send(chosen, now)

    async def _send(self, chosen: Sequence[Waiting], now: float) -> None:
        by_job: dict[str, list[str]] = defaultdict(list)
        for task in chosen:
            by_job[task.job_id].append(task.task_id)
        for job_id, task_ids in by_job.items():
            async with self._database.transaction() as on:
                old = await self._store.load(on, job_id)
                if old is None or not old.is_open:
                    continue
                new = old
                for task_id in task_ids:
                    new = transitions.release(new, task_id, now, self._rules)
                events = [self._task_event(new, task_id, now) for task_id in task_ids]
                await self._store.save(on, old, new, now, *events)
                after_commit(on, self.changed.fire)

    def _task_event(self, record: JobRecord, task_id: str, now: float) -> Event[Message]:
        task = record.task(task_id)
        assert task is not None
        message = plan.message_of(record, task, now + self._rules.queue_s)
        name = event_id(task_id, task.attempt, "release")
        return Event(TASK_TOPICS[task.stage], message, name, record.owner_id, SOURCE)

    def _wake_after(self, on: AsyncConnection) -> None:
        after_commit(on, self._due.set)
        after_commit(on, self.changed.fire)
