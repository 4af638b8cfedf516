"""A service and its life: started in order, stopped cleanly, one or several in a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import grpc.aio
import structlog

from clipmill_shared.bus import Bus, Subscription
from clipmill_shared.errors import ClipmillError

log = structlog.get_logger()
AGAIN_S = 1.0


async def nothing() -> None:
    return None


@dataclass(frozen=True)
class Service:
    """What `build(settings, platform)` of a service gives to the runner.

    `start` runs before anything is taken in (migrations, recovery), `stop` after everything has ended. `loops` run
    beside the subscriptions until they are cancelled; one that fails retryably (the database is away) begins anew, one
    that fails otherwise ends the process, because a service without it would be silently worse. `servicers` add
    themselves to the process's gRPC server; `grpc_names` are their full names, for health and reflection.
    """

    name: str
    subscriptions: Sequence[Subscription] = ()
    loops: Sequence[Callable[[], Awaitable[None]]] = ()
    servicers: Sequence[Callable[[grpc.aio.Server], None]] = ()
    grpc_names: Sequence[str] = ()
    start: Callable[[], Awaitable[None]] = nothing
    stop: Callable[[], Awaitable[None]] = nothing


class LoopFailedError(Exception):
    """A service's background loop ended by itself."""


@asynccontextmanager
async def running(services: Sequence[Service], bus: Bus) -> AsyncIterator[asyncio.Future[None]]:
    """Run services until the context is left. The future raises LoopFailedError when one of them breaks.

    Stopping goes backwards: intake first (gRPC is the caller's, see grpc.server), then what is in flight, then loops,
    then stores.
    """
    broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with AsyncExitStack() as stack:
        for service in services:
            await service.start()
            stack.push_async_callback(service.stop)
        loops = [(service.name, loop) for service in services for loop in service.loops]
        await stack.enter_async_context(_looping(loops, broken))
        await stack.enter_async_context(bus.run(*(s for service in services for s in service.subscriptions)))
        yield broken
    if broken.done() and not broken.cancelled():
        broken.exception()


async def _broke_off(name: str, loop: Callable[[], Awaitable[None]]) -> bool:
    """Run a loop; True when it broke off for a reason that passes."""
    try:
        await loop()
    except ClipmillError as error:
        if not error.retryable:
            raise
        log.warning("a background loop broke off and begins anew", service=name, code=error.code, error=error.message)
        return True
    return False


@asynccontextmanager
async def _looping(
    loops: Sequence[tuple[str, Callable[[], Awaitable[None]]]], broken: asyncio.Future[None]
) -> AsyncIterator[None]:
    async def guarded(name: str, loop: Callable[[], Awaitable[None]]) -> None:
        reason: BaseException | None = None
        try:
            while await _broke_off(name, loop):  # noqa: ASYNC110 - a pause, not a poll
                await asyncio.sleep(AGAIN_S)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("a background loop failed", service=name)
            reason = error
        if not broken.done():
            failure = LoopFailedError(f"{name}: a background loop ended")
            failure.__cause__ = reason
            broken.set_exception(failure)

    tasks = [asyncio.create_task(guarded(name, loop), name=name) for name, loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
