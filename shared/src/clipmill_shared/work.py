"""A worker: takes a stage's tasks, answers from the cache or does the work, keeps its leases, obeys cancels.

Every stage that does heavy work is one of these, so that leasing, fencing, caching, cancelling and failing are the
same everywhere, and a stage is a function from a task to a result.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from google.protobuf.message import Message

from clipmill import topics
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import Answer, JobControl, Lease, Stage, Task, TaskFailed, WorkerStatus
from clipmill_shared import metrics
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Bus, Subscription
from clipmill_shared.cautions import STOOD_IN, cautions
from clipmill_shared.errors import ClipmillError, DiskFullError
from clipmill_shared.events import Event, event_id
from clipmill_shared.object_store import BlobsUnavailableError, is_disk_full
from clipmill_shared.places import Places
from clipmill_shared.results import Results

log = structlog.get_logger()
STATUS_EVERY_S = 1.0
STATUS_WITHIN_S = 5.0
HELD_A_SLOT = 4
MAX_REMEMBERED_CANCELS = 1000
# How long a worker keeps a task, with its lease, while the object store is away; and how often it tries meanwhile.
STORE_PATIENCE_S = 600.0
STORE_PAUSE_S = 2.0
# The owner of messages that are about the system itself.
SYSTEM_OWNER = "clipmill"

Report = Callable[[float], None]
T = TypeVar("T", bound=Message)
R = TypeVar("R", bound=Message)


# The kept result of another task of the same owner and stage, whole; None where there is none.
Kept = Callable[[T], Awaitable[R | None]]


@dataclass(frozen=True)
class StageWork(Generic[T, R]):
    """What makes a worker the worker of its stage.

    `work` turns a task into its result without headers: the worker sets `task` and `answer`, and keeps the warnings
    and models that `work` put into `answer`. It raises ClipmillError for what the user must know. `version` changes
    whenever the same task would be answered otherwise (code, models, defaults): results cached under another version
    do not count. `name` is the part's name as users read it: "audio".
    """

    stage: Stage.ValueType
    name: str
    tasks: Topic
    results: Topic
    version: str
    work: Callable[[T, Report], Awaitable[R]]
    # The cache key of a task's content, where the message does not say it (import hashes a file first).
    content_key: Callable[[T, Report], Awaitable[str]] | None = None
    # Makes a cached result this task's own where it names something that is not content (a path).
    adopt: Callable[[T, R], Awaitable[R]] | None = None
    # False: no result is kept for later tasks, which would never ask the same.
    keeps: bool = True
    # False for a result that lacks what may be had another time: a later task that asks the same is not given it.
    lasts: Callable[[R], bool] | None = None
    # What may answer a task that names a twin: the result of the twin's task, made this task's own, with `answer.twin`;
    # None where it is not there, or does not hold.
    share: Callable[[T, Kept[T, R], Report], Awaitable[R | None]] | None = None


@dataclass
class _Held:
    """A task in a slot."""

    task: Task
    running: asyncio.Task[Any]
    progress: float = 0.0
    cancelled: bool = False


class Worker(Generic[T, R]):
    """Runs one stage's tasks in `slots` places, and holds a few more, under lease, so that no place waits for one.

    Duplicates are harmless: a result is made under the task's attempt, and the ledger takes one of an attempt.
    """

    def __init__(
        self,
        stage: StageWork[T, R],
        bus: Bus,
        blobs: Blobs,
        slots: int,
        worker_id: str,
        *,
        results: Results | None = None,
    ) -> None:
        self._stage = stage
        self._bus = bus
        self._blobs = blobs
        self._results = results or Results(blobs)
        self._slots = slots
        self._worker_id = worker_id
        self._held: dict[str, _Held] = {}
        self._places = Places(slots, blobs, stage.name)
        self._changed = asyncio.Event()
        self._status_number = 0
        # Cancels of jobs whose tasks may still be on their way here; bounded.
        self._cancelled_jobs: dict[str, None] = {}

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        return (
            Subscription(
                self._stage.tasks,
                group=f"{self._stage.name}-workers",
                handler=self._on_task,
                max_in_flight=self._slots * HELD_A_SLOT,
            ),
            Subscription(topics.JOBS_CONTROL, group="", handler=self._on_control, broadcast=True),
        )

    async def report_status(self) -> None:
        """Send the worker's status every second and at each change, until cancelled; the last one says goodbye."""
        try:
            while True:
                self._changed.clear()
                await self._try_to_send_status(leaving=False)
                # Not wait_for: in Python 3.11 it loses a cancel that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(STATUS_EVERY_S):
                        await self._changed.wait()
        finally:
            await asyncio.shield(self._try_to_send_status(leaving=True))

    async def _on_control(self, event: Event[Any]) -> Sequence[Event[Message]]:
        control: JobControl = event.message
        if control.command == JobControl.COMMAND_CANCEL:
            self._cancelled_jobs[control.job_id] = None
            while len(self._cancelled_jobs) > MAX_REMEMBERED_CANCELS:
                self._cancelled_jobs.pop(next(iter(self._cancelled_jobs)))
            for held in self._held.values():
                if held.task.job_id == control.job_id:
                    held.cancelled = True
                    held.running.cancel()
        return ()

    async def _on_task(self, event: Event[Any]) -> Sequence[Event[Message]]:
        task: Task = event.message.task
        if task.job_id in self._cancelled_jobs:
            return ()
        if (late_s := time.time() - task.lease_until.ToSeconds()) > 0:
            # The ledger has given it up, and has released it again or ended the job; if not, the clocks differ.
            log.warning("a task came too late", part=self._stage.name, task_id=task.task_id, late_s=round(late_s))
            return (self._failed(task, _expired(self._stage.name)),)
        running = asyncio.ensure_future(self._answer(event.message))
        held = _Held(task, running)
        self._held[task.task_id] = held
        self._changed.set()
        try:
            return await running
        except asyncio.CancelledError:
            if held.cancelled:
                return ()
            running.cancel()
            raise
        finally:
            if self._held.get(task.task_id) is held:
                del self._held[task.task_id]
            self._changed.set()

    async def _answer(self, message: T) -> Sequence[Event[Message]]:
        """The task's result from the cache or from work, or its failure."""
        task: Task = message.task  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(job_id=task.job_id, task_id=task.task_id, attempt=task.attempt)
        outcome = "dropped"
        began = time.monotonic()
        try:
            async with self._places.turn(task):
                began = time.monotonic()
                result = await self._patiently(message)
            outcome = self._count(result)
        except ClipmillError as error:
            outcome = "failed"
            log.warning("task failed", part=self._stage.name, code=error.code, error=error.message)
            return (self._failed(task, error),)
        except Exception as error:
            outcome = "failed"
            if is_disk_full(error):
                return (self._failed(task, DiskFullError("the data folder")),)
            log.exception("task failed without a reason that a user could act on", part=self._stage.name)
            return (self._failed(task, _unexpected(self._stage.name, error)),)
        finally:
            metrics.TASK_S.record(time.monotonic() - began, {"stage": self._stage.name, "outcome": outcome})
        return (self._event(self._stage.results, task, result),)

    def _count(self, result: R) -> str:
        """Count the result's warnings; how it came about."""
        answer = _answer_of(result)
        for warning in answer.warnings:
            metrics.WARNINGS.add(1, {"stage": self._stage.name, "code": warning.code})
        return "cached" if answer.cached else "made"

    async def _patiently(self, message: T) -> R:
        """What `_cached_or_made` gives, once the object store answers: another worker would not find it sooner."""
        patience = time.monotonic() + STORE_PATIENCE_S
        while True:
            try:
                return await self._cached_or_made(message)
            except BlobsUnavailableError as error:
                if time.monotonic() > patience:
                    raise
                log.warning("waiting for the object store", part=self._stage.name, error=error.message)
                await asyncio.sleep(STORE_PAUSE_S)

    async def _cached_or_made(self, message: T) -> R:
        task: Task = message.task  # type: ignore[attr-defined]
        stage = self._stage
        report = self._reporter(task)
        if not stage.keeps:
            return await self._made(message, report)
        key = await self._key_of(message, report)
        known = await self._kept(task, key)
        if known is not None and not await self._counts(known, task):
            # What lies before the object store may lag behind it.
            await self._results.forget(task.owner_id, key)
            known = await self._kept(task, key)
        if known is None or not await self._counts(known, task):
            known = await self._made_alone(message, report, key, known)
        result = known
        if result.task.task_id != task.task_id:  # type: ignore[attr-defined]
            if stage.adopt:
                result = await stage.adopt(message, result)
            saved = _answer_of(result)
            saved.cached = True
            metrics.RESULT_SAVED_S.add(saved.compute_s, {"stage": stage.name})
            metrics.RESULT_SAVED_INFERENCES.add(saved.inferences, {"stage": stage.name})
        result.task.CopyFrom(task)  # type: ignore[attr-defined]
        return result

    async def _made_alone(self, message: T, report: Report, key: str, known: R | None) -> R:
        """The result, made here unless somebody else was at it and has made it; it replaces `known`."""
        task: Task = message.task  # type: ignore[attr-defined]
        stage = self._stage
        async with self._results.alone(task.owner_id, key, stage.name) as waited:
            if waited:
                known = await self._kept(task, key)
                if known is not None and await self._counts(known, task):
                    return known
            made = await self._made(message, report)
            _answer_of(made).record = key
            # Whoever recorded it first has made it; a second execution of the task answers with the same result.
            return await self._results.keep(task.owner_id, key, made, instead_of=known)

    async def _key_of(self, message: T, report: Report) -> str:
        stage = self._stage
        content = await stage.content_key(message, report) if stage.content_key else digest_of(message)
        return hashlib.sha256(f"{stage.name}\x1f{stage.version}\x1f{content}".encode()).hexdigest()

    async def _kept(self, task: Task, key: str) -> R | None:
        kind: type[R] = self._stage.results.message  # type: ignore[assignment]
        return await self._results.read(task.owner_id, key, kind, self._stage.name)

    async def _counts(self, known: R, task: Task) -> bool:
        """True when a kept result answers the task."""
        return not self._is_worth_another_try(known, task) and await self._is_whole(known)

    async def _made(self, message: T, report: Report) -> R:
        began = time.monotonic()
        # Once: where no worker has what it pins, its retries must not all go by.
        is_first = message.task.attempt == 1  # type: ignore[attr-defined]
        with cautions(getattr(message, "pinned", ()), may_be_handed_on=is_first) as said:
            made = await self._shared(message, report) or await self._stage.work(message, report)
        for caution in said.cautions:
            caution.part = caution.part or self._stage.name
        _answer_of(made).warnings.extend(said.cautions)
        _answer_of(made).inferences = said.inferences
        made.task.CopyFrom(message.task)  # type: ignore[attr-defined]
        _answer_of(made).compute_s = time.monotonic() - began
        return made

    async def _shared(self, message: T, report: Report) -> R | None:
        """What an earlier video's result makes of the task; None where it is to be made."""
        task: Task = message.task  # type: ignore[attr-defined]
        stage = self._stage
        if stage.share is None or not message.HasField("twin"):
            return None

        async def kept(other: T) -> R | None:
            known = await self._kept(task, await self._key_of(other, report))
            return known if known is not None and await self._is_whole(known) else None

        shared = None
        try:
            shared = await stage.share(message, kept, report)
        except BlobsUnavailableError:
            raise
        except ClipmillError as error:
            # What it rests on is gone: erased meanwhile, or moved away.
            log.info("an earlier video's result cannot be shared", part=stage.name, error=error.message)
        except Exception:
            # A saving: whatever is wrong with it, the work can be done.
            log.exception("sharing an earlier video's result failed", part=stage.name)
        metrics.RESULT_SHARES.add(1, {"stage": stage.name, "outcome": "shared" if shared else "made anew"})
        if shared is not None:
            metrics.RESULT_SAVED_S.add(_answer_of(shared).twin.saved_s, {"stage": stage.name})
        return shared

    def _is_worth_another_try(self, known: Message, task: Task) -> bool:
        """True for another task's result that lacks what may be had now; a task's own is its result for good."""
        if known.task.task_id == task.task_id:  # type: ignore[attr-defined]
            return False
        lasts = self._stage.lasts
        stood_in = any(warning.code == STOOD_IN for warning in _answer_of(known).warnings)
        return stood_in or (lasts is not None and not lasts(known))  # type: ignore[arg-type]

    async def _is_whole(self, result: Message) -> bool:
        """True when every blob that the cached result refers to is still there (a clean-up may have taken it)."""
        return all([await self._blobs.exists(ref) for ref in blob_refs(result) if ref.uri.startswith("blob:")])

    def _reporter(self, task: Task) -> Report:
        def report(share: float) -> None:
            if held := self._held.get(task.task_id):
                held.progress = share

        return report

    def _failed(self, task: Task, error: ClipmillError) -> Event[Message]:
        failure = error.failure(self._stage.name)
        # An attempt that is executed twice may fail in two ways; these are two events.
        reason = hashlib.sha256(failure.SerializeToString(deterministic=True)).hexdigest()
        return self._event(topics.TASKS_FAILED, task, TaskFailed(task=task, failure=failure), reason)

    def _event(self, topic: Topic, task: Task, message: Message, *meaning: str) -> Event[Message]:
        name = event_id(task.task_id, task.attempt, topic.name, *meaning)
        return Event(topic, message, name, task.owner_id, f"/{self._stage.name}")

    async def _try_to_send_status(self, *, leaving: bool) -> None:
        try:
            # Later it says nothing any more, and a goodbye must not hold up the end.
            async with asyncio.timeout(STATUS_WITHIN_S):
                await self._send_status(leaving=leaving)
        except Exception as error:
            # The broker is away: no reason to give up the work in hand, which may outlast that.
            log.warning("a worker's status cannot be sent", part=self._stage.name, error=repr(error))

    async def _send_status(self, *, leaving: bool) -> None:
        leases = [
            Lease(job_id=h.task.job_id, task_id=h.task.task_id, attempt=h.task.attempt, progress=h.progress)
            for h in self._held.values()
        ]
        status = WorkerStatus(
            worker_id=self._worker_id, stage=self._stage.stage, slots=self._slots, leases=leases, leaving=leaving
        )
        status.sent_at.GetCurrentTime()
        self._status_number += 1
        # The time, too: a process that has the name of an earlier one counts from 1 again.
        name = event_id(self._worker_id, status.sent_at.ToNanoseconds(), self._status_number)
        await self._bus.publish(Event(topics.WORKERS_STATUS, status, name, SYSTEM_OWNER, f"/{self._stage.name}"))


def blob_refs(message: Message) -> Iterator[BlobRef]:
    """Every BlobRef inside a message, at any depth."""
    if isinstance(message, BlobRef):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in value if field.is_repeated else (value,):
                yield from blob_refs(item)


def digest_of(message: Message) -> str:
    """A digest of what a task asks for: all but its header, with blobs named by content instead of place."""
    bare = type(message).FromString(message.SerializeToString())
    bare.ClearField("task")
    for ref in blob_refs(bare):
        ref.uri = ""
    for pinned in getattr(bare, "pinned", ()):
        for how in ("reason", "smaller", "earlier"):
            pinned.ClearField(how)
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()


def _answer_of(result: Message) -> Answer:
    return result.answer  # type: ignore[attr-defined,no-any-return]


def _expired(part: str) -> ClipmillError:
    return ClipmillError(
        "TASK_EXPIRED",
        f"A task of the part {part} reached its worker too late, by that machine's clock.",
        "Submit the video again; if it happens again, set the clocks of the machines that Clipmill runs on.",
        retryable=True,
    )


def _unexpected(part: str, error: Exception) -> ClipmillError:
    return ClipmillError(
        "INTERNAL",
        f"The part {part} failed in a way it does not know: {type(error).__name__}: {error}.",
        "Run the same command again; if it fails again, please report it with the log.",
        retryable=True,
    )
