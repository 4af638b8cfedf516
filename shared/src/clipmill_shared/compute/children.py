"""Child processes that do one kind of heavy work, as many as there are slots.

A child is spawned at its first call, keeps its models between calls, and is killed when its call is cancelled: that is
the only way to stop a decoder or a recogniser in the middle. It ends with its parent, however that ends.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from clipmill_shared import metrics
from clipmill_shared.compute import child
from clipmill_shared.compute.child import Limits
from clipmill_shared.compute.cores import Cores
from clipmill_shared.errors import ClipmillError

# Pictures and windows of sound come and go, all of a size: glibc keeps their memory instead of asking the kernel, which
# clears it, for each.
KEEP_FREED = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


class ChildDiedError(ClipmillError):
    """The child ended without an answer: a crash inside a native library, or a limit that it hit."""

    def __init__(self, function: str, exit_code: int | None) -> None:
        how = f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"exit code {exit_code}"
        super().__init__(
            "PART_CRASHED",
            f"The process that ran {function.partition(':')[0]} ended without an answer ({how}).",
            "Run the same command again; if it fails again, the log has the details: please report it.",
            retryable=True,
        )


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    pipe: Connection

    def kill(self) -> None:
        self.process.kill()
        self.pipe.close()
        self.process.wait()


class Children:
    """Runs `function` ("module:name", called as name(request, report) -> answer) in at most `slots` children.

    Requests and answers cross by pickle, so both are plain dataclasses or protobuf messages. What the function
    raises is raised by `run`; a child that dies raises ChildDiedError. `cores`, shared by all Children of a process,
    bounds how many calls work at a time, and has `ahead` children (without it: all) started beside the first of them.
    """

    def __init__(
        self,
        function: str,
        slots: int,
        limits: Limits = Limits(),
        cores: Cores | None = None,
        *,
        ahead: int | None = None,
    ) -> None:
        self._function = function
        self._limits = limits
        self._idle: list[_Child] = []
        self._slots = asyncio.Semaphore(slots)
        self._cores = cores or Cores(slots)
        self._closed = False
        if cores is not None:
            for _ in range(slots if ahead is None else ahead):
                cores.beside(self._start_one)

    @property
    def idle(self) -> int:
        """Children that wait for a call."""
        return len(self._idle)

    async def run(self, request: object, report: Callable[[float], None] = lambda _: None) -> object:
        """Call the function in a child; cancelling this call kills the child."""
        async with self._slots, self._cores.one():
            worker = self._idle.pop() if self._idle else await asyncio.to_thread(self._spawn)
            try:
                answer = await self._exchange(worker, request, report)
            except BaseException:
                await asyncio.shield(asyncio.to_thread(worker.kill))
                raise
            self._idle.append(worker)
        if isinstance(answer, child.Raised):
            answer.error.add_note(f"In the child process:\n{answer.trace}")
            raise answer.error
        return answer.value

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await asyncio.to_thread(self._idle.pop().kill)

    async def _start_one(self) -> None:
        """Start a child before it is needed, unless all slots are busy; what is wrong is the next call's to say."""
        if self._slots.locked() or self._closed:
            return
        async with self._slots:
            worker = await asyncio.to_thread(self._spawn)
            try:
                await self._readable(worker)
                await asyncio.to_thread(worker.pipe.recv)
                if self._closed:
                    raise EOFError
                self._idle.append(worker)
            except BaseException as error:
                worker.kill()
                if not isinstance(error, EOFError | OSError):
                    raise

    async def _exchange(
        self, worker: _Child, request: object, report: Callable[[float], None]
    ) -> child.Answer | child.Raised:
        """Send the request and read until the answer, in the loop's own time: waiting for a pipe holds no thread."""
        try:
            await asyncio.to_thread(worker.pipe.send, request)
            while True:
                await self._readable(worker)
                message = await asyncio.to_thread(worker.pipe.recv)
                if isinstance(message, child.Progress):
                    report(message.share)
                elif not isinstance(message, child.Ready):
                    return message  # type: ignore[no-any-return]
        except (EOFError, ConnectionResetError, BrokenPipeError, pickle.UnpicklingError):
            metrics.CHILDREN_DIED.add(1, {"function": self._function})
            raise ChildDiedError(self._function, await asyncio.to_thread(worker.process.wait)) from None

    async def _readable(self, worker: _Child) -> None:
        """Return when the child has said something, or has ended.

        The loop looks at the pipe no longer than that: while a thread reads a large answer it would spin.
        """
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(worker.pipe.fileno(), readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(worker.pipe.fileno())

    def _spawn(self) -> _Child:
        # Not multiprocessing: its spawn imports the caller's main module again, which costs a child most of a second.
        ours, theirs = socket.socketpair()
        with theirs:
            limits = self._limits
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "clipmill_shared.compute", str(theirs.fileno()), self._function),
                    *(str(limits.address_space_bytes), str(limits.open_files), str(limits.niceness)),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**KEEP_FREED, **os.environ},
            )
        return _Child(process, Connection(ours.detach()))
