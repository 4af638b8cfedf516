"""The ledger at work: what happens to jobs, each change one transaction, and the loop that drives what time brings."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Any

import structlog
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import Failure, Profile
from clipmill.jobs.v1.jobs_pb2 import Job, JobRequest
from clipmill.media.v1.media_pb2 import RecordedPart, Source
from clipmill.models.v1.models_pb2 import PinnedVersion
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import Stage, TaskFailed, WorkerStatus
from clipmill_ingest import metrics
from clipmill_ingest.clock import SteadyClock
from clipmill_ingest.domain import live, plan, scheduler, transitions
from clipmill_ingest.domain.live import Known
from clipmill_ingest.domain.record import JobRecord, Result, Rules, derived_id
from clipmill_ingest.domain.scheduler import Turns, Waiting
from clipmill_ingest.settings import IngestSettings
from clipmill_ingest.spent import SpentParts
from clipmill_ingest.store import SOURCE, Store, input_ended
from clipmill_ingest.watchers import Signal
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, event_id
from clipmill_shared.offsets import SqlOffsets
from clipmill_shared.sql import Database, after_commit, serial

log = structlog.get_logger()

# At most two events a second of a job, and one every two seconds while it works (with room for a busy machine).
TELL_EVERY_S = 0.5
SILENT_AT_MOST_S = 1.5
IDLE_S = 1.0
MAX_WRITTEN_REMEMBERED = 1000
# The queue's speed is that of so many jobs that ended last.
ENDS_LOOKED_AT = 20
# Clocks are corrected by less than this all the time.
CLOCK_MOVED_S = 1.0
# Jobs are admitted one by one: a key is used once, and no more are open than may be.
ADMISSION = "admission"

TASK_TOPICS: dict[Stage.ValueType, Topic] = {
    Stage.STAGE_IMPORT: topics.IMPORT_TASKS,
    Stage.STAGE_AUDIO: topics.AUDIO_TASKS,
    Stage.STAGE_VISION: topics.VISION_TASKS,
    Stage.STAGE_SCORING: topics.SCORING_TASKS,
    Stage.STAGE_RENDER: topics.RENDER_TASKS,
    Stage.STAGE_RECORD: topics.RECORD_TASKS,
    Stage.STAGE_PREVIEW: topics.PREVIEW_TASKS,
}

Change = Callable[[JobRecord, float], JobRecord]


class QueueFullError(ClipmillError):
    """As many jobs are open as may be."""

    def __init__(self, open_jobs: int, retry_after_s: float) -> None:
        super().__init__(
            "QUEUE_FULL",
            f"{open_jobs} jobs are open already, and more are not taken.",
            f"Submit again in {retry_after_s:.0f} s.",
            retryable=True,
            retry_after_s=retry_after_s,
        )


class Ledger:
    """Every change of a job goes through here. `changed` fires after each commit that a watcher could see."""

    def __init__(
        self,
        settings: IngestSettings,
        database: Database,
        store: Store,
        clock: SteadyClock | None = None,
        offsets: SqlOffsets | None = None,
        *,
        spent: SpentParts | None = None,
        pinned: Callable[[Profile.ValueType], Sequence[PinnedVersion]] = lambda _: (),
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._offsets = offsets
        self._spent = spent
        # The versions that a job of a profile which is admitted now has to its end.
        self._pinned = pinned
        self._clock = clock or SteadyClock()
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
        # Since when this process has been driving, and hearing workers without a pause; Unix seconds.
        self._driving_since = self._clock()
        self._hearing_since: float | None = None
        # Workers: how many slots they have, and when that was last written.
        self._written: dict[str, tuple[int, float]] = {}

    # --- what people ask ---

    async def submit(self, owner_id: str, source: Source, options: ClipOptions, idempotency_key: str) -> Job:
        """Admit a job, or give the one that this key named before. QueueFullError when there are too many."""
        async with self._database.transaction() as on:
            await serial(on, ADMISSION)
            if known := await self._known(on, owner_id, idempotency_key):
                return known
            await self._check_room(on)
            return await self._admit(on, self._asked(owner_id, source, options, idempotency_key))

    async def room_for(self, owner_id: str, idempotency_key: str) -> None:
        """QueueFullError when a job would be refused that has not been admitted before."""
        async with self._database.reading() as on:
            if await self._known(on, owner_id, idempotency_key) is None:
                await self._check_room(on)

    async def take_request(
        self, cause: Event[Any], request: JobRequest, idempotency_key: str, refusal: Failure | None = None
    ) -> None:
        """Admit the job that an event asks for, once. With `refusal` it is kept as failed: who asked by an event can be
        answered in no other way. QueueFullError as above."""
        record = self._asked(request.owner_id, request.source, request.options, idempotency_key)
        async with self._taking(cause) as on:
            if on is None:
                return
            await serial(on, ADMISSION)
            if await self._known(on, request.owner_id, idempotency_key):
                return
            if refusal is not None:
                record = transitions.fail(record, refusal, record.created_at)
            else:
                await self._check_room(on)
            await self._admit(on, record)

    async def refuse_request(self, cause: Event[Any], idempotency_key: str, failure: Failure) -> None:
        """Answer a request that is nobody's to keep: on jobs.progress, as a failed job that is in no ledger."""
        # Not by the event's id, which two strangers may both have chosen.
        place = cause.position
        request_id = (place.topic_id, place.partition, place.offset) if place else (cause.id,)
        async with self._taking(cause) as on:
            if on is not None:
                await self._store.answer(on, transitions.refuse(request_id, idempotency_key, failure, self._clock()))

    def _asked(self, owner_id: str, source: Source, options: ClipOptions, key: str) -> JobRecord:
        job_id = derived_id("job", owner_id, key or time.time_ns())
        kept = ClipOptions.FromString(options.SerializeToString())
        # Whatever the request says of them: which versions answer is not the caller's to choose.
        del kept.pinned[:]
        kept.pinned.extend(self._pinned(kept.profile))
        return replace(transitions.admit(job_id, owner_id, source, kept, self._clock()), idempotency_key=key)

    async def _known(self, on: AsyncConnection, owner_id: str, key: str) -> Job | None:
        return await self._store.find_by_key(on, owner_id, key) if key else None

    async def _check_room(self, on: AsyncConnection) -> None:
        if (count := await self._store.open_jobs(on)) >= self._settings.max_open_jobs:
            metrics.JOBS_REFUSED.add(1)
            ends = await self._store.last_ends(on, ENDS_LOOKED_AT)
            raise QueueFullError(count, scheduler.room_in_s(ends, self._clock()))

    async def _admit(self, on: AsyncConnection, record: JobRecord) -> Job:
        self._wake_after(on)
        return await self._store.add(on, record, record.created_at)

    async def cancel(self, owner_id: str, job_id: str) -> Job | None:
        """Cancel a job; one that has ended stays as it is. None when the owner has no such job."""
        async with self._database.reading() as on:
            if await self._store.find(on, owner_id, job_id) is None:
                return None
        await self.change(job_id, transitions.cancel)
        async with self._database.reading() as on:
            return await self._store.find(on, owner_id, job_id)

    async def end_input(self, owner_id: str, job_id: str) -> Job | None:
        """Record a live source no further; nothing changes for other jobs. None when the owner has no such job."""
        now = self._clock()
        async with self._database.transaction() as on:
            if await self._store.find(on, owner_id, job_id) is None:
                return None
            if (old := await self._store.load(on, job_id)) is not None:
                new = transitions.end_input(old)
                await self._store.save(on, old, new, now, *(() if new is old else (input_ended(new),)))
                self._wake_after(on)
            return await self._store.find(on, owner_id, job_id)

    async def forget_video(self, owner_id: str, video_id: str, cause: Event[Any] | None = None) -> None:
        """Cancel and erase every job of a video."""
        now = self._clock()
        async with self._taking(cause) as on:
            if on is None:
                return
            job_ids = await self._store.jobs_of_video(on, owner_id, video_id)
            for job_id in sorted(job_ids):
                if (old := await self._store.load(on, job_id)) is not None:
                    await self._store.save(on, old, transitions.cancel(old, now), now)
            if self._spent:
                await self._spent.erase_of(on, owner_id, job_ids)
            await self._store.forget(on, job_ids)
            after_commit(on, self.changed.fire)

    # --- what workers say ---

    async def take_result(self, result: Result, cause: Event[Any] | None = None) -> None:
        await self.change(
            result.task.job_id, lambda record, now: transitions.take_result(record, result, now), cause=cause
        )

    async def take_part(self, part: RecordedPart, cause: Event[Any] | None = None) -> None:
        is_taken = False

        def change(record: JobRecord, now: float) -> JobRecord:
            nonlocal is_taken
            new = transitions.take_part(record, part, now)
            is_taken = new is not record
            return new

        await self.change(part.task.job_id, change, cause=cause)
        if not is_taken and self._spent:
            # Of an attempt that was lost, or of a job that has ended or was erased.
            await self._spent.erase_refused(part)

    async def address(self, owner_id: str, job_id: str) -> str:
        """Where a job's video is fetched, with what its owner gave for it; "" for a job that the owner has not."""
        async with self._database.transaction() as on:
            record = await self._store.load(on, job_id)
        return record.source.url if record is not None and record.owner_id == owner_id else ""

    async def recording(self, owner_id: str, job_id: str, attempt: int) -> Known | None:
        """What an attempt at recording goes on from; None for one that is not the present one."""
        async with self._database.transaction() as on:
            record = await self._store.load(on, job_id)
        return live.known_of(record, attempt) if record is not None and record.owner_id == owner_id else None

    async def take_failure(self, failed: TaskFailed, cause: Event[Any] | None = None) -> None:
        rules = self._rules
        await self.change(
            failed.task.job_id,
            lambda record, now: transitions.take_failure(record, failed, now, rules),
            cause=cause,
        )

    async def take_status(self, status: WorkerStatus) -> None:
        now = self._clock()
        is_known = self._is_known(status, now)
        if is_known and not status.leases:
            return
        async with self._database.transaction() as on:
            if not is_known and await self._store.see_worker(on, status, now):
                after_commit(on, self._due.set)
            released = await self._store.released(on, status.stage)
            job_of = {task.task_id: job_id for job_id, task in released}
            changed = transitions.renew([task for _, task in released], status, now, self._rules)
            # Jobs before tasks, as every other change takes them: else two transactions may wait for each other.
            await self._store.mark_changed(on, {job_of[task.task_id] for task in changed})
            await self._store.renew(on, changed)

    def _is_known(self, status: WorkerStatus, now: float) -> bool:
        """True for a worker that was written down just now and says nothing else of itself: mostly they do not."""
        slots, written_at = self._written.pop(status.worker_id, (0, 0.0))
        if status.leaving:
            return False
        is_known = slots == status.slots and 0 <= now - written_at < self._settings.worker_live_s / 3
        self._written[status.worker_id] = (status.slots, written_at if is_known else now)
        while len(self._written) > MAX_WRITTEN_REMEMBERED:
            del self._written[next(iter(self._written))]
        return is_known

    async def change(
        self, job_id: str, change: Change, *, lapsed: bool = False, cause: Event[Any] | None = None
    ) -> None:
        """Apply a transition to a job, if there is such a job, and once for the event that caused it, if one did."""
        now = self._clock()
        async with self._taking(cause) as on:
            old = await self._store.load(on, job_id) if on else None
            if on is None or old is None:
                return
            new = change(old, now)
            if new is not old:
                await self._store.save(on, old, new, now)
                after_commit(on, lambda: metrics.count(old, new, now, lapsed=lapsed))
                self._wake_after(on)

    # --- what time brings ---

    async def drive(self) -> None:
        """Release tasks as places become free, and end what has waited too long. One process at a time does this."""
        async with self._database.exclusive("ledger"):
            await self._begin_anew()
            is_busy, next_look = False, 0.0
            while True:
                # What time brings is looked for each second and after a change; what there is to tell, more often.
                if self._due.is_set() or time.monotonic() >= next_look:
                    self._due.clear()
                    is_busy = await self.tick()
                    next_look = time.monotonic() + IDLE_S
                else:
                    await self._tell_what_changed()
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
            last_seen = await self._store.last_seen(on)
            heard_since = self._heard_since(now, last_seen)
            overdue = await self._store.overdue(
                on,
                now if heard_since <= now - self._rules.lease_s else 0.0,
                now - self._rules.stall_s if heard_since <= now - self._rules.stall_s else 0.0,
            )
        if not unfinished:
            if abs(self._clock.set()) > CLOCK_MOVED_S:
                await self._begin_anew()
            return False
        for job_id in overdue:
            log.warning("a task was lost or stalled", job_id=job_id)
            await self.change(
                job_id, lambda record, at: transitions.lapse(record, at, self._rules, heard_since), lapsed=True
            )
        for job_id, stage in unfinished:
            seen = max(last_seen.get(stage, 0.0), self._driving_since)
            if now - seen >= self._rules.no_worker_s:
                await self.change(job_id, self._give_up(stage, seen))
        await self._release({stage for _, stage in unfinished})
        await self._tell_what_changed()
        return True

    async def _begin_anew(self) -> None:
        """Count from now on: until now another process may have been driving, or by another clock."""
        now = self._clock()
        self._driving_since, self._hearing_since = now, None
        self._written.clear()
        async with self._database.transaction() as on:
            await self._store.pull_back(on, now, self._rules)

    def _heard_since(self, now: float, last_seen: Mapping[Stage.ValueType, float]) -> float:
        """Since when workers have been heard without a pause; `now` while none is.

        What they did not say before that says nothing of them: this process was not there, or the broker was away.
        """
        if now - max(last_seen.values(), default=0.0) > self._settings.worker_live_s:
            self._hearing_since = None
            return now
        if self._hearing_since is None:
            self._hearing_since = now
        return self._hearing_since

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
                new, events = old, []
                for task_id in task_ids:
                    before, new = new, transitions.release(new, task_id, now, self._rules)
                    if new is not before:
                        events.append(self._task_event(new, task_id))
                await self._store.save(on, old, new, now, *events)
                after_commit(on, functools.partial(metrics.count, old, new, now))
                after_commit(on, self.changed.fire)

    def _task_event(self, record: JobRecord, task_id: str) -> Event[Message]:
        task = record.task(task_id)
        assert task is not None
        # Workers have no other clock than their machine's to compare it with.
        message = plan.message_of(record, task, time.time() + self._rules.queue_s)
        name = event_id(task_id, task.attempt, "release")
        return Event(TASK_TOPICS[task.stage], message, name, record.owner_id, SOURCE)

    def _taking(self, cause: Event[Any] | None) -> AbstractAsyncContextManager[AsyncConnection | None]:
        """A transaction for a change; that of an event finishes its record, and is None where that is done already."""
        if cause is None or self._offsets is None:
            return self._database.transaction()
        return self._offsets.taking(cause)

    def _wake_after(self, on: AsyncConnection) -> None:
        after_commit(on, self._due.set)
        after_commit(on, self.changed.fire)
