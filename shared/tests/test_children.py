"""Heavy work in child processes: answers, errors, crashes, cancelling, limits, and no orphans."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clipmill_shared.compute import Children, Cores, Limits
from clipmill_shared.compute.children import ChildDiedError
from clipmill_shared.errors import ClipmillError

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def functions_are_importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@asynccontextmanager
async def children(function: str, slots: int = 1, limits: Limits = Limits()):
    made = Children(f"children_functions:{function}", slots, limits)
    try:
        yield made
    finally:
        await made.close()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> None:
    while is_running(pid):
        await asyncio.sleep(0.01)


async def pid_written(path: Path) -> int:
    while not path.exists() or not path.read_text():
        await asyncio.sleep(0.01)
    return int(path.read_text())


async def test_answers_and_reports_progress():
    shares: list[float] = []
    async with children("double") as pool:
        assert await pool.run(21, shares.append) == 42
    assert shares == [0.5]


async def test_a_child_stays_warm_between_calls():
    async with children("process_id") as pool:
        assert await pool.run(None) == await pool.run(None) != os.getpid()


async def test_slots_run_side_by_side_and_no_more():
    async with children("process_id", slots=2) as pool:
        assert len(set(await asyncio.gather(*(pool.run(None) for _ in range(8))))) <= 2


async def test_errors_cross_whole():
    async with children("refuse") as pool:
        with pytest.raises(ClipmillError) as raised:
            await pool.run("a.mp4")
        error = raised.value
        assert (error.code, error.message, error.remedy) == ("INPUT_TEST", "a.mp4 is refused.", "Send another.")
        assert error.retryable


async def test_a_crash_is_an_error_and_the_next_call_gets_a_new_child():
    async with children("crash") as pool:
        for _ in range(2):
            with pytest.raises(ChildDiedError, match="signal 11"):
                await pool.run(None)


async def test_cancelling_kills_the_child(tmp_path):
    async with children("sleep_after_writing") as pool:
        call = asyncio.create_task(pool.run(str(tmp_path / "pid")))
        pid = await pid_written(tmp_path / "pid")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gone(pid)


async def test_memory_is_limited():
    async with children("allocate", limits=Limits(address_space_bytes=2 << 30)) as pool:
        assert await pool.run(1 << 20) == 1 << 20
        with pytest.raises(MemoryError):
            await pool.run(3 << 30)


async def test_no_child_outlives_a_killed_parent(tmp_path):
    script = (
        "import asyncio, sys\nfrom clipmill_shared.compute import Children\n"
        "asyncio.run(Children('children_functions:sleep_after_writing', 1).run(sys.argv[1]))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "pid")])
    pid = await pid_written(tmp_path / "pid")
    os.kill(parent.pid, signal.SIGKILL)
    await asyncio.to_thread(parent.wait)
    await gone(pid)


async def test_beside_the_first_work_the_children_are_started_that_will_be_needed():
    cores = Cores(1)
    busy, later = (
        Children(f"children_functions:{function}", 1, cores=cores, ahead=ahead)
        for function, ahead in (("wait_for_file", 0), ("process_id", None))
    )
    with tempfile.TemporaryDirectory() as folder:
        go = Path(folder) / "go"
        working = asyncio.create_task(busy.run(str(go)))
        while later.idle != 1:
            await asyncio.sleep(0.01)
        go.touch()
        await working
        await later.run(None)
        assert later.idle == 1
    await busy.close()
    await later.close()
