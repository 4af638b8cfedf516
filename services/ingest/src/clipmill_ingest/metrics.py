"""Every metric of ingest, with a sentence, and the loop that measures what the ledger holds.

The gauges say what is in the database, so every replica of ingest says the same: take the maximum.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from opentelemetry import metrics
from sqlalchemy import func, select

from clipmill.jobs.v1.jobs_pb2 import JobState
from clipmill_ingest.domain.record import OPEN_STATES, STAGE_NAMES, JobRecord, TaskState
from clipmill_ingest.tables import jobs, tasks, workers
from clipmill_shared.sql import Database

MEASURE_EVERY_S = 5.0
_meter = metrics.get_meter("clipmill.ingest")

JOBS_OPEN = _meter.create_gauge("clipmill.jobs.open", unit="{job}", description="Jobs that have not ended, by state.")
OLDEST_JOB_S = _meter.create_gauge(
    "clipmill.jobs.oldest", unit="s", description="Seconds since the oldest open job was admitted; 0 without one."
)
JOBS_ENDED = _meter.create_counter(
    "clipmill.jobs.ended", unit="{job}", description="Jobs that ended, by state and error code."
)
JOBS_REFUSED = _meter.create_counter(
    "clipmill.jobs.refused", unit="{job}", description="Jobs not admitted because the queue is full."
)
TASKS_OPEN = _meter.create_gauge(
    "clipmill.tasks.open", unit="{task}", description="Tasks of open jobs that wait or are released, by stage."
)
TASK_WAIT_S = _meter.create_histogram(
    "clipmill.tasks.wait",
    unit="s",
    description="Seconds that a task waited in the ledger for a worker's place, by stage.",
    explicit_bucket_boundaries_advisory=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400),
)
ATTEMPTS_LOST = _meter.create_counter(
    "clipmill.tasks.lost",
    unit="{attempt}",
    description="Attempts that came to nothing, by stage and reason: lapsed (its lease, or no progress) or failed.",
)
WORKER_SLOTS = _meter.create_gauge(
    "clipmill.workers.slots", unit="{task}", description="Tasks that live workers can do at once, by stage."
)


def count(old: JobRecord, new: JobRecord, now: float, *, lapsed: bool = False) -> None:
    """Count what a committed change of a job meant."""
    before = {task.task_id: task for task in old.tasks}
    for task in new.tasks:
        known = before.get(task.task_id, task)
        stage = {"stage": STAGE_NAMES[task.stage]}
        if task.attempt > known.attempt:
            TASK_WAIT_S.record(max(0.0, now - known.ready_at), stage)
        if task.losses > known.losses:
            ATTEMPTS_LOST.add(1, {**stage, "reason": "lapsed" if lapsed else "failed"})
    if old.is_open and not new.is_open:
        code = new.error.code if new.error is not None else ""
        JOBS_ENDED.add(1, {"state": _name(new.state), "code": code})


class Gauges:
    """Sets the gauges from the database, every few seconds, until cancelled."""

    def __init__(self, database: Database, worker_live_s: float, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._worker_live_s = worker_live_s
        self._clock = clock

    async def measure(self) -> None:
        while True:
            # The start has better things to do.
            await asyncio.sleep(MEASURE_EVERY_S)
            await self.measure_once()

    async def measure_once(self) -> None:
        now = self._clock()
        states = select(jobs.c.state, func.count(), func.min(jobs.c.created_at)).where(jobs.c.is_open)
        open_tasks = (
            select(tasks.c.stage, tasks.c.state, func.count())
            .join(jobs)
            .where(jobs.c.is_open, tasks.c.state.in_((TaskState.WAITING.value, TaskState.RELEASED.value)))
        )
        slots = select(workers.c.stage, func.sum(workers.c.slots)).where(workers.c.seen_at >= now - self._worker_live_s)
        async with self._database.reading() as on:
            of_state = (await on.execute(states.group_by(jobs.c.state))).all()
            of_stage = (await on.execute(open_tasks.group_by(tasks.c.stage, tasks.c.state))).all()
            of_worker = (await on.execute(slots.group_by(workers.c.stage))).all()
        counted = {state: number for state, number, _ in of_state}
        for state in OPEN_STATES:
            JOBS_OPEN.set(counted.get(state, 0), {"state": _name(state)})
        OLDEST_JOB_S.set(now - min((oldest for _, _, oldest in of_state), default=now))
        waiting = {(stage, state): number for stage, state, number in of_stage}
        places = dict(of_worker)
        for stage, name in STAGE_NAMES.items():
            for task_state in (TaskState.WAITING, TaskState.RELEASED):
                number = waiting.get((stage, task_state.value), 0)
                TASKS_OPEN.set(number, {"stage": name, "state": task_state.value})
            WORKER_SLOTS.set(places.get(stage) or 0, {"stage": name})


def _name(state: JobState.ValueType) -> str:
    return JobState.Name(state).removeprefix("JOB_STATE_")
