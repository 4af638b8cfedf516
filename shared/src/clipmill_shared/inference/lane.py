"""A model's place in the in-process executor: who waits for it, and its loaded instances."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from clipmill_shared.compute import Children
from clipmill_shared.compute.child import Limits
from clipmill_shared.inference.calls import Call, Computed, compute, loaded
from clipmill_shared.inference.definition import Definition, Infer, Tensors
from clipmill_shared.inference.executor import Inferred
from clipmill_shared.inference.threads import Threads

# Called in the event loop, once.
Tell = Callable[["Computed | BaseException"], None]
CHILD = "clipmill_shared.inference.calls:answer"


@dataclass(eq=False)
class Request:
    """Inputs that wait for their turn. Its future is cancelled when its caller is gone."""

    inputs: Tensors
    rows: int
    answer: asyncio.Future[Inferred]
    since: float = field(default_factory=time.perf_counter)


class Instance(Protocol):
    """A loaded model, used by one call at a time."""

    def call(self, requests: Sequence[Tensors], tell: Tell) -> Callable[[], object] | None:
        """Compute, and tell the event loop what came of it; gives what stops it, if anything does."""
        ...

    async def close(self) -> None: ...


class ThreadInstance:
    """Loaded in this process. A call that began cannot be stopped."""

    def __init__(self, definition: Definition, threads: Threads, infer: Infer) -> None:
        self._definition = definition
        self._threads = threads
        self._infer = infer

    @classmethod
    async def load(cls, definition: Definition, threads: Threads) -> ThreadInstance:
        return cls(definition, threads, await threads.run(lambda: loaded(definition)))

    def call(self, requests: Sequence[Tensors], tell: Tell) -> None:
        self._threads.submit(lambda: compute(self._definition, self._infer, requests), tell)

    async def close(self) -> None:
        """Nothing: its memory goes with it."""


class ProcessInstance:
    """Loaded in a child process, which is killed to stop a call, and started anew for the next."""

    def __init__(self, definition: Definition) -> None:
        self._reference = definition.reference
        self._children = Children(CHILD, slots=1, limits=Limits(niceness=0))

    def call(self, requests: Sequence[Tensors], tell: Tell) -> Callable[[], object]:
        task = asyncio.create_task(self._run(Call(self._reference, list(requests))))

        def done(_: asyncio.Task[Computed]) -> None:
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            tell(task.result() if error is None else error)

        task.add_done_callback(done)
        return task.cancel

    async def close(self) -> None:
        await self._children.close()

    async def _run(self, call: Call) -> Computed:
        computed = await self._children.run(call)
        assert isinstance(computed, Computed)
        return computed


@dataclass(eq=False)
class Lane:
    """One model. `idle` are its instances that wait for work, the one that was used last at the end."""

    definition: Definition
    waiting: deque[Request] = field(default_factory=deque)
    idle: list[Instance] = field(default_factory=list)
    instances: int = 0
    waiting_rows: int = 0
    used_at: float = 0.0
    loading: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None

    def admit(self, request: Request) -> None:
        self.waiting.append(request)
        self.waiting_rows += request.rows

    def forget_gone(self) -> None:
        """Drop those at the front whose callers are gone."""
        while self.waiting and self.waiting[0].answer.done():
            self.waiting_rows -= self.waiting.popleft().rows

    def delay_s(self) -> float:
        """How long the oldest request may still wait for others to join it."""
        batching = self.definition.batching
        if batching.max_delay_s == 0 or self.waiting_rows >= batching.max_rows:
            return 0.0
        return self.waiting[0].since + batching.max_delay_s - time.perf_counter()

    def fail(self, error: Exception) -> None:
        """Tell all who wait."""
        while self.waiting:
            request = self.waiting.popleft()
            self.waiting_rows -= request.rows
            if not request.answer.done():
                request.answer.set_exception(error)

    def wake_after(self, delay_s: float, wake: Callable[[Lane], None]) -> None:
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(delay_s, wake, self)
