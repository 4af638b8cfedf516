"""The in-process executor: models are loaded when first asked for, in this process or in children of it.

What waits while a model is busy is computed together when it is free again, so that batches grow with the load and a
lone caller waits for nobody. Loaded models stay within a budget of memory: the one used longest ago makes room.
One event loop uses it; nothing here is for several threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from clipmill_shared.compute import usable_cores
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.batches import take
from clipmill_shared.inference.calls import Computed
from clipmill_shared.inference.checks import rows_of
from clipmill_shared.inference.definition import Definition, Tensors
from clipmill_shared.inference.executor import Inferred, halved, load_failed, model_failed, queue_full
from clipmill_shared.inference.lane import Instance, Lane, ProcessInstance, Request, ThreadInstance
from clipmill_shared.inference.threads import Threads


class InProcess:
    """Runs definitions here. `memory_bytes` bounds what their placements say, `threads` the calls at a time."""

    def __init__(self, memory_bytes: int = 2 << 30, threads: int | None = None) -> None:
        self._budget_bytes = memory_bytes
        self._used_bytes = 0
        self._threads = Threads(threads or usable_cores())
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._went_idle = asyncio.Event()
        self._short_of_room = 0
        self._busy = 0

    @property
    def loaded(self) -> tuple[tuple[str, str], ...]:
        """Names and versions of what is loaded now."""
        return tuple(key for key, lane in self._lanes.items() if lane.instances)

    async def infer(self, definition: Definition, inputs: Tensors) -> Inferred:
        """See Executor.infer. Inputs must not be changed before the answer is there."""
        rows = rows_of(definition, inputs)
        lane = self._lanes.get(definition.key) or self._lanes.setdefault(definition.key, Lane(definition))
        if lane.idle and not lane.waiting and not definition.batching.max_delay_s:
            # A lone caller's way, past the queue: each step on it is run from cold caches.
            request = Request(inputs, rows, asyncio.get_running_loop().create_future())
            self._start(lane, lane.idle.pop(), (request,))
            return await request.answer
        if lane.waiting_rows + rows > definition.batching.max_waiting:
            self._forget_all_gone(lane)
            if lane.waiting_rows + rows > definition.batching.max_waiting:
                raise queue_full(definition, "in this process")
        request = Request(inputs, rows, asyncio.get_running_loop().create_future())
        lane.admit(request)
        self._pump(lane)
        return await request.answer

    async def unload(self, definition: Definition) -> None:
        """Give back the memory of a model's idle instances. It is loaded again when asked for."""
        lane = self._lanes.get(definition.key)
        while lane and lane.idle:
            await self._drop(lane)

    async def close(self) -> None:
        """Stop: what waits fails, what is being computed is waited for or, in a child, ended."""
        closed = ClipmillError("MODEL_FAILED", "The executor has stopped.", "Try again.", retryable=True)
        for lane in self._lanes.values():
            lane.fail(closed)
            if lane.loading is not None:
                lane.loading.cancel()
                with suppress(asyncio.CancelledError):
                    await lane.loading
        while self._busy:
            self._went_idle.clear()
            await self._went_idle.wait()
        for lane in self._lanes.values():
            while lane.idle:
                await self._drop(lane)
        await self._threads.close()

    def _pump(self, lane: Lane) -> None:
        """Give waiting requests to idle instances; load one when there is none."""
        lane.forget_gone()
        while lane.waiting:
            if not lane.idle:
                return self._want_one_more(lane)
            if (delay_s := lane.delay_s()) > 0:
                return lane.wake_after(delay_s, self._wake)
            batch = [r for r in take(lane.waiting, lane.definition.batching.max_rows) if self._is_wanted(lane, r)]
            if batch:
                self._start(lane, lane.idle.pop(), batch)
            lane.forget_gone()
        return None

    def _wake(self, lane: Lane) -> None:
        lane.timer = None
        self._pump(lane)

    @staticmethod
    def _is_wanted(lane: Lane, request: Request) -> bool:
        lane.waiting_rows -= request.rows
        return not request.answer.done()

    @staticmethod
    def _forget_all_gone(lane: Lane) -> None:
        for request in [r for r in lane.waiting if r.answer.done()]:
            lane.waiting.remove(request)
            lane.waiting_rows -= request.rows

    def _start(self, lane: Lane, instance: Instance, batch: Sequence[Request]) -> None:
        began = time.perf_counter()
        self._busy += 1
        tell = partial(self._finish, lane, instance, batch, began)
        stop = instance.call([request.inputs for request in batch], tell)
        if stop is not None:
            for request in batch:
                request.answer.add_done_callback(partial(_stop_if_unwanted, stop, batch))

    def _finish(
        self,
        lane: Lane,
        instance: Instance,
        batch: Sequence[Request],
        began: float,
        computed: Computed | BaseException,
    ) -> None:
        self._busy -= 1
        lane.idle.append(instance)
        lane.used_at = time.monotonic()
        if isinstance(computed, BaseException):
            failed = computed if isinstance(computed, ClipmillError) else model_failed(lane.definition, repr(computed))
            for request in batch:
                if not request.answer.done():
                    request.answer.set_exception(failed)
        else:
            _answer(lane.definition, batch, began, computed)
        # Who waits for room gets it now: a model that is never without work would keep it for ever.
        if not self._short_of_room:
            self._pump(lane)
        if lane.idle:
            self._went_idle.set()

    def _want_one_more(self, lane: Lane) -> None:
        placement = lane.definition.placement
        if lane.loading is not None or lane.instances >= placement.instances:
            return
        # A second instance never drives another model out: it would come back for it.
        if lane.instances and self._used_bytes + placement.memory_bytes > self._budget_bytes:
            return
        lane.loading = asyncio.create_task(self._load(lane))

    async def _load(self, lane: Lane) -> None:
        definition = lane.definition
        took = 0
        try:
            await self._make_room(definition)
            took = definition.placement.memory_bytes
            self._used_bytes += took
            if definition.placement.runs_in == "processes":
                instance: Instance = ProcessInstance(definition)
            else:
                instance = await ThreadInstance.load(definition, self._threads)
        except BaseException as error:
            self._used_bytes -= took
            if not isinstance(error, Exception):
                raise
            # Those who have an instance wait for it; without one all are told, and the next request tries again.
            if not lane.instances:
                lane.fail(error if isinstance(error, ClipmillError) else load_failed(definition, repr(error)))
        else:
            lane.instances += 1
            lane.used_at = time.monotonic()
            lane.idle.append(instance)
        lane.loading = None
        self._pump(lane)
        if lane.idle:
            self._went_idle.set()

    async def _make_room(self, definition: Definition) -> None:
        needed = definition.placement.memory_bytes
        if needed > self._budget_bytes:
            raise ClipmillError(
                "MODEL_TOO_LARGE",
                f"The model {definition.name} takes {needed >> 20} MiB, of {self._budget_bytes >> 20} for all models.",
                "Give models more memory, or choose a smaller one.",
            )
        while self._used_bytes + needed > self._budget_bytes:
            idle = [lane for lane in self._lanes.values() if lane.idle]
            if idle:
                await self._drop(min(idle, key=lambda lane: lane.used_at))
                continue
            self._went_idle.clear()
            self._short_of_room += 1
            try:
                await self._went_idle.wait()
            finally:
                self._short_of_room -= 1

    async def _drop(self, lane: Lane) -> None:
        instance = lane.idle.pop(0)
        lane.instances -= 1
        await instance.close()
        self._used_bytes -= lane.definition.placement.memory_bytes
        if lane.waiting and not lane.idle:
            self._want_one_more(lane)


def _stop_if_unwanted(stop: Callable[[], object], batch: Sequence[Request], _: asyncio.Future[Inferred]) -> None:
    if all(request.answer.cancelled() for request in batch):
        stop()


def _answer(definition: Definition, batch: Sequence[Request], began: float, computed: Computed) -> None:
    rows = batch[0].rows if len(batch) == 1 else sum(request.rows for request in batch)
    for request, outcome in zip(batch, computed.outcomes, strict=True):
        if request.answer.done():
            continue
        if isinstance(outcome, ClipmillError):
            request.answer.set_exception(outcome)
        else:
            queue_s = began - request.since
            why = halved(definition, computed.halved_rows) if computed.halved_rows else ""
            inferred = Inferred(outcome, definition.version, "in process", queue_s, computed.compute_s, rows, why)
            request.answer.set_result(inferred)
