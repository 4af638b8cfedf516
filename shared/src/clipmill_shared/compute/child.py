"""What runs inside a child process: a loop that takes calls from a pipe. Kept small: every child imports it."""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

# Told the share of the work that is done, 0 to 1. Cheap: it sends at most twice a second.
Report = Callable[[float], None]

PR_SET_PDEATHSIG = 1
REPORT_EVERY_S = 0.5


@dataclass(frozen=True)
class Limits:
    """What a child may take. `None` leaves the machine's own limit."""

    address_space_bytes: int | None = 16 << 30
    open_files: int = 256
    # Raises the child's niceness, so that the event loop of a busy machine stays quick.
    niceness: int = 5


@dataclass(frozen=True)
class Ready:
    """The function is imported; sent once, before anything else."""


@dataclass(frozen=True)
class Progress:
    share: float


@dataclass(frozen=True)
class Answer:
    value: object


@dataclass(frozen=True)
class Raised:
    error: BaseException
    trace: str


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that happens (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(pipe: Connection, function: str, limits: Limits) -> None:
    """Answer calls until the pipe closes. `function` is "module:name", called as name(request, report)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _apply(limits)
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    pipe.send(Ready())
    while True:
        try:
            request = pipe.recv()
        except (EOFError, ConnectionResetError):
            return
        pipe.send(_call(call, request, _reporter(pipe)))


def _call(call: Callable[[object, Report], object], request: object, report: Report) -> Answer | Raised:
    try:
        return Answer(call(request, report))
    except Exception as error:
        return Raised(error, traceback.format_exc())


def _reporter(pipe: Connection) -> Report:
    last = 0.0

    def report(share: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S:
            last = now
            pipe.send(Progress(share))

    return report


def _apply(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.open_files if hard == resource.RLIM_INFINITY else min(limits.open_files, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if limits.address_space_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.address_space_bytes, limits.address_space_bytes))
    os.nice(limits.niceness)
