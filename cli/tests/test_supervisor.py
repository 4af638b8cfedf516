"""Child processes that are kept running: real ones, each a line of Python."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from clipmill_cli import restarts
from clipmill_cli.supervisor import Child, Program

STAYS = "import time; print('at work', flush=True); time.sleep(600)"
DIES = "import sys; print('no such database'); sys.exit(3)"
HANGS = "import signal, time; signal.signal(15, signal.SIG_IGN); print('at work', flush=True); time.sleep(600)"


class Said(list[str]):
    def __call__(self, _name: str, line: str) -> None:
        self.append(line)


@pytest.fixture
def said() -> Said:
    return Said()


def program(folder: Path, code: str, *, stop_s: float = 10.0) -> Program:
    command = (sys.executable, "-c", code)
    return Program("child", command, folder, folder / "child.log", ready_line="at work", is_json=False, stop_s=stop_s)


@asynccontextmanager
async def kept(child: Child):
    keeping = asyncio.create_task(child.keep())
    try:
        yield
    finally:
        child.kill()
        await asyncio.gather(keeping, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_a_killed_child_is_started_again(tmp_path, said):
    child = Child(program(tmp_path, STAYS), lambda: None, said)
    async with kept(child):
        await child.ready.wait()
        first = child.state.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.state.condition == "running" and child.state.pid != first)
        assert child.state.restarts == 1
        assert "it was ended by SIGKILL; it is started again in 0.5 s" in said


async def test_a_crash_loop_is_named_with_what_the_child_said_last(tmp_path, said, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_S", 0.01)
    child = Child(program(tmp_path, DIES), lambda: None, said)
    async with kept(child):
        await until(lambda: child.state.condition == "crash loop")
    assert any(line.startswith("CRASH LOOP: it ended with exit code 3 (no such database)") for line in said)


async def test_a_child_that_is_told_to_stop_is_not_started_again(tmp_path, said):
    child = Child(program(tmp_path, STAYS), lambda: None, said)
    async with kept(child):
        await child.ready.wait()
        pid = child.state.pid
        await child.stop()
        assert child.state.condition == "stopped"
    assert not lives(pid)


async def test_a_child_that_does_not_stop_in_its_time_is_killed(tmp_path, said):
    child = Child(program(tmp_path, HANGS, stop_s=0.2), lambda: None, said)
    async with kept(child):
        await child.ready.wait()
        pid = child.state.pid
        await child.stop()
    assert not lives(pid)
    assert "it did not stop within 0.2 s and was killed" in said


async def test_a_ctrl_c_on_the_terminal_does_not_reach_the_children(tmp_path, said):
    child = Child(program(tmp_path, STAYS), lambda: None, said)
    async with kept(child):
        await child.ready.wait()
        assert os.getpgid(child.state.pid) != os.getpgid(0)


def test_a_child_ends_when_its_parent_is_killed():
    # The child itself says its pid, so that it is at work, and tied, when the parent is killed.
    at_work = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    start_it = (
        "import subprocess, sys, time; from clipmill_shared.compute.tied import tied\n"
        f"subprocess.Popen(tied([sys.executable, '-c', {at_work!r}])); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", start_it], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    asyncio.run(until(lambda: not lives(child)))
