"""Ctrl-C and SIGTERM while a job is followed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class InterruptedByUserError(Exception):
    """Ctrl-C, or SIGTERM."""


async def interruptible(
    work: Coroutine[Any, Any, T], instead: Callable[[], Coroutine[Any, Any, Any]] | None = None
) -> T:
    """Run `work` until it ends or the user stops it; the first Ctrl-C stops cleanly, a second one at once.

    With `instead` the first Ctrl-C does that, and the work goes on.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    stopped = False
    begun: list[asyncio.Task[Any]] = []

    def interrupt() -> None:
        if instead is None or begun:
            stop()
        else:
            begun.append(asyncio.create_task(instead()))

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            raise InterruptedByUserError from None
        raise
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
