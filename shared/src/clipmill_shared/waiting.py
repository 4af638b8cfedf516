"""Waiting for a server that is down at start: a clear line now and then, never a stack trace."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog

from clipmill_shared.errors import ClipmillError

log = structlog.get_logger()
PAUSE_S = 0.5
SAY_EVERY_S = 5.0
T = TypeVar("T")


async def until_answered(name: str, attempt: Callable[[], Awaitable[T]], *, driver: str = "") -> T:
    """Call `attempt` until it does not fail for want of the server `name`; any other error is raised as it comes.

    The logger `driver`, if one is named, is silent meanwhile: it would say at each attempt what is said here.
    """
    began = time.monotonic()
    said: float | None = None
    while True:
        try:
            with _silent(driver):
                answer = await attempt()
        except Exception as error:
            if not is_absence(error):
                raise
            now = time.monotonic()
            if said is None or now - said >= SAY_EVERY_S:
                said = now
                log.warning(f"waiting for {name}", waited_s=round(now - began, 1), error=_line(error))
        else:
            if said is not None:
                log.info(f"{name} answers", waited_s=round(time.monotonic() - began, 1))
            return answer
        await asyncio.sleep(PAUSE_S)


def is_absence(error: BaseException) -> bool:
    """True when `error` says that a server cannot be reached (yet), which time alone may mend."""
    if isinstance(error, ClipmillError):
        return error.retryable
    if isinstance(error, ConnectionError | TimeoutError) or getattr(error, "retriable", False):
        return True
    # Drivers wrap what the socket said.
    return error.__cause__ is not None and is_absence(error.__cause__)


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    if not logger:
        yield
        return
    driver = logging.getLogger(logger)
    level = driver.level
    driver.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        driver.setLevel(level)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
