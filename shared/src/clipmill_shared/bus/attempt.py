"""An attempt to handle a record: from the record to its event, through the handler, to what follows from failing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

import structlog
from google.protobuf.message import Message

from clipmill_shared.bus import metrics, tracing
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.contract import Fenced, Poison, Subscription
from clipmill_shared.bus.steps import ENDED, chain, continued
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event

log = structlog.get_logger()
R = TypeVar("R")


class Delivery(NamedTuple, Generic[R]):
    """A record on its way to a handler; `raw` is the backend's own."""

    partition: int
    offset: int
    key: str | bytes | None
    raw: R
    # Under which claim it is handled, and from where on it is the first record; see Position.
    epoch: int = 0
    since: int = 0


@dataclass(frozen=True)
class Backend(Generic[R]):
    """What a member needs of its bus. `load` raises Poison for what is no event; `finished` must not block.

    `record` keeps that a delivery is finished, and raises Fenced when its partition is another's; `fenced` hears of it.
    """

    load: Callable[[Delivery[R]], Event[Any]]
    publish: Callable[..., Awaitable[None]]
    bury: Callable[[Delivery[R], Exception, int], Awaitable[None]]
    finished: Callable[[int], None] | None = None
    record: Callable[[Delivery[R]], Awaitable[None]] | None = None
    fenced: Callable[[int], None] = lambda _partition: None


class Outcome(Enum):
    """Of an attempt: the record needs no further handling (it may be buried), another attempt, or is another's now."""

    FINISHED = 1
    FAILED = 2
    FENCED = 3


class Attempts(Generic[R]):
    """Makes attempts on behalf of a member."""

    def __init__(self, subscription: Subscription, backend: Backend[R], backoff: Backoff) -> None:
        self._subscription = subscription
        self._handler = subscription.handler
        self._backend = backend
        # Looked up once: this is run for every record.
        self._load = backend.load
        self._records = backend.record is not None
        self._chain: Generator[Any, Any, None] | None = None
        self._results: list[Any] = [()]
        self._backoff = backoff
        self._attributes = {"topic": subscription.topic.name, "group": subscription.group}
        self._handled = metrics.HANDLED.of(**self._attributes)

    def begin(self, delivery: Delivery[R], context: Context) -> Coroutine[Any, Any, Outcome] | None:
        """Make a first attempt as far as it goes without waiting; the rest of it, or None when it has succeeded.

        The handler's first step is made in `context`, and what is given back is to run in it too.
        """
        try:
            event = self._load(delivery)
            if tracing.enter(event, context):
                return self._outcome(delivery, 1, self._traced(event))
            links, results = self._chain or chain(self._results), self._results
            # A handler that waits keeps the chain, and one that fails breaks it.
            self._chain = None
            waits_for = context.run(links.send, self._handler(event))
        except (Exception, asyncio.CancelledError) as error:
            return self._outcome(delivery, 1, _raised(error))
        if waits_for is not ENDED:
            self._results = [()]
            return self._outcome(delivery, 1, continued(links, waits_for, results))
        self._chain = links
        if results[0] or self._records:
            return self._outcome(delivery, 1, _given(results[0]))
        self._handled.value += 1
        return None

    async def again(self, delivery: Delivery[R], attempt: int) -> Outcome:
        """Another attempt, of which this is the number."""
        event = replace(self._load(delivery), attempt=attempt)
        handled = self._traced(event) if tracing.enter(event) else self._handler(event)
        return await self._outcome(delivery, attempt, handled)

    async def _outcome(
        self, delivery: Delivery[R], attempt: int, handled: Awaitable[Sequence[Event[Message]]]
    ) -> Outcome:
        try:
            outputs = await handled
            if outputs:
                await self._backend.publish(*outputs)
            if self._backend.record is not None:
                await self._backend.record(delivery)
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            cause = RuntimeError(f"the handler was cancelled from within: {error}")
            return await self._failed(delivery, attempt, cause)
        except Exception as error:
            return await self._failed(delivery, attempt, error)
        self._handled.value += 1
        return Outcome.FINISHED

    async def _traced(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """The handler within a span, and what it returns published within it too."""
        with tracing.handling(event, self._subscription.group):
            if outputs := await self._handler(event):
                await self._backend.publish(*outputs)
        return ()

    async def _failed(self, delivery: Delivery[R], attempt: int, error: Exception) -> Outcome:
        place = {**self._attributes, "partition": delivery.partition, "offset": delivery.offset, "attempt": attempt}
        if isinstance(error, Fenced):
            return Outcome.FENCED
        # That an engine is away is no fault of the record, however long it lasts.
        may_pass = isinstance(error, ClipmillError) and error.retryable
        if may_pass or (not isinstance(error, Poison) and attempt < self._subscription.max_attempts):
            metrics.RETRIED.add(1, self._attributes)
            log.warning("a handler failed and will be called again", **place, error=repr(error))
            return Outcome.FAILED
        # Where poison was found says nothing beyond its reason; any other failure may be a fault of ours.
        trace = None if isinstance(error, Poison) else error
        log.error("a record goes to the dead letters", **place, error=repr(error), exc_info=trace)
        failures, buried = 0, False
        while True:
            try:
                if not buried:
                    await self._backend.bury(delivery, error, attempt)
                    buried = True
                if self._backend.record is not None:
                    await self._backend.record(delivery)
                break
            except Fenced:
                return Outcome.FENCED
            except Exception as trouble:
                # Giving it up for good would lose it, and going on would commit past it.
                failures += 1
                log.error("the dead letters cannot be written", **place, exc_info=trouble)
                await asyncio.sleep(self._backoff.delay_s(failures))
        metrics.DEAD_LETTERED.add(1, self._attributes)
        return Outcome.FINISHED


async def _given(outputs: Sequence[Event[Message]]) -> Sequence[Event[Message]]:
    return outputs


async def _raised(error: BaseException) -> Sequence[Event[Message]]:
    raise error
