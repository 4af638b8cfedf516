"""Ctrl-C and SIGTERM while a job is followed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class InterruptedByUserError(Exception):
    """Ctrl-C, or SIGTERM."""


async def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` until it ends or the user stops it; the first Ctrl-C stops cleanly, a second one at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            raise InterruptedByUserError from None
        raise
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
