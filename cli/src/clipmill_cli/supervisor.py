"""Child processes that are kept running: started again when they die, told to stop, ended if they do not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from clipmill_cli.child_log import ChildLog
from clipmill_cli.restarts import Restarts
from clipmill_cli.running import ProgramState
from clipmill_shared.compute.tied import tied

READ_BYTES = 1 << 16
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Program:
    """What to run, and how it shows that it is ready: by a line of its output, or by a file of its addresses."""

    name: str
    command: Sequence[str]
    folder: Path
    log: Path
    ready_line: str = ""
    announce: Path | None = None
    # Its output is structured log, of which warnings are shown.
    is_json: bool = True
    stop_s: float = 25.0


class Child:
    """One program, kept running by `keep` until `stop`.

    `changed` is called when its state does; `say` gets what a person should read. It ends with this process however
    that ends, and gets no Ctrl-C from the terminal: this process stops its children in order.
    """

    def __init__(self, program: Program, changed: Callable[[], None], say: Callable[[str, str], None]) -> None:
        self._program = program
        self._changed = changed
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._is_stopping = False
        self._restarts = Restarts()
        self.ready = asyncio.Event()
        self.state = ProgramState(program.name, "starting")

    async def keep(self) -> None:
        """Run the program again and again, with pauses that grow when it dies at once."""
        while not self._is_stopping:
            began = time.monotonic()
            try:
                how = await self._live()
            except OSError as error:
                # No memory for a process, no room for its log: it may pass, and the others go on.
                how = f"could not be run: {error}"
            if self._is_stopping:
                break
            self._restarts = self._restarts.after_life_of(time.monotonic() - began)
            pause_s = self._restarts.pause_s
            again = f"it is started again in {pause_s:g} s" if pause_s else "it is started again"
            if self._restarts.is_crash_loop:
                self._say(self._program.name, f"CRASH LOOP: it {how} again; {again}. See {self._program.log}")
                self._set(condition="crash loop", pid=None, restarts=self._restarts.count, grpc="", http="")
            else:
                self._say(self._program.name, f"it {how}; {again}")
                self._set(condition="restarting", pid=None, restarts=self._restarts.count, grpc="", http="")
            await asyncio.sleep(pause_s)

    async def stop(self) -> None:
        """Tell it to stop, and end it when it has not done so in its time."""
        self._is_stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(self._program.stop_s):
                    await process.wait()
            except TimeoutError:
                self._say(self._program.name, f"it did not stop within {self._program.stop_s:g} s and was killed")
                self.kill()
                await process.wait()
        self._set(condition="stopped", pid=None, grpc="", http="")

    def kill(self) -> None:
        self._is_stopping = True
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _live(self) -> str:
        """One life of the program, and in words how it ended."""
        program = self._program
        if program.announce is not None:
            program.announce.unlink(missing_ok=True)
        log = ChildLog(program.log, lambda line: self._say(program.name, line), is_json=program.is_json)
        self._process = process = await asyncio.create_subprocess_exec(
            *tied(program.command),
            cwd=program.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._set(condition="starting", pid=process.pid, since=time.time())
        looking = asyncio.create_task(self._look_for(program.announce, process.pid)) if program.announce else None
        try:
            assert process.stdout is not None
            while piece := await process.stdout.read(READ_BYTES):
                lines = log.take(piece)
                if program.ready_line and any(program.ready_line in line for line in lines):
                    self._set_ready()
            code = await process.wait()
        finally:
            self.ready.clear()
            if looking is not None:
                looking.cancel()
            log.close()
        ended = f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        return f"{ended} ({log.last[:300]})" if log.last and code > 0 else ended

    async def _look_for(self, announce: Path, pid: int) -> None:
        while True:
            with suppress(FileNotFoundError):
                said = json.loads(announce.read_text())
                if said["pid"] == pid:
                    self._set_ready(grpc=said["grpc"], http=said["http"])
                    return
            await asyncio.sleep(LOOK_EVERY_S)

    def _set_ready(self, grpc: str = "", http: str = "") -> None:
        self._set(condition="running", grpc=grpc, http=http)
        self.ready.set()
        where = f" gRPC at {grpc}" if grpc else ""
        self._say(self._program.name, f"runs{where}" if not self._restarts.count else f"runs again{where}")

    def _set(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        self._changed()


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def is_alive(pid: int | None) -> bool:
    """True while a process of this number runs (or has not been waited for)."""
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
