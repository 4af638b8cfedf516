"""Stopped in the middle, by the user or by a kill, the same command goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from e2e.support import Clipmill, Made, make_clips

pytestmark = pytest.mark.xdist_group("resume")
OPTIONS = ("--clips", "2", "--min", "10", "--max", "30")


def stop_when(clipmill: Clipmill, args: tuple[object, ...], stage: str, with_signal: int) -> tuple[int, str]:
    """Run until `stage` has begun and what comes before it has ended, then send the signal."""
    process = clipmill.start(*args)
    for line in process.stdout:
        stages = {s["stage"]: s for s in json.loads(line).get("stages", [])}
        if stages.get(stage, {}).get("progress", 0) > 0:
            break
    os.kill(process.pid, with_signal)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def first_progress_of_each_stage(made: Made) -> dict[str, bool]:
    last = [event for event in made.ran.events if event["event"] == "progress"][-1]
    return {stage["stage"]: stage["cached"] for stage in last["stages"]}


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_finished_stages_are_not_done_twice(clipmill, sample, with_signal):
    output = clipmill.folder / "clips"
    args = ("run", sample, "-o", output, *OPTIONS, "--json")
    code, err = stop_when(clipmill, args, "rendering", with_signal)
    assert code == (130 if with_signal == signal.SIGINT else -signal.SIGKILL)
    if with_signal == signal.SIGINT:
        assert "The same command goes on where it stopped." in err
    assert not output.exists() or not any(output.iterdir())

    made = make_clips(clipmill.folder, sample, *OPTIONS, "--json")
    cached = first_progress_of_each_stage(made)
    assert cached["reading"] and cached["hearing"] and cached["seeing"] and cached["choosing"]
    assert not list((clipmill.data / "runs").iterdir()), "the killed run's state is swept"


def test_no_process_is_left_behind(clipmill, sample):
    process = clipmill.start("run", sample, *OPTIONS, "--json")
    for line in process.stdout:
        stages = {s["stage"]: s for s in json.loads(line).get("stages", [])}
        if stages.get("hearing", {}).get("progress", 0) > 0:
            break
    marker = f"CLIPMILL_DATA_DIR={clipmill.data}".encode()
    assert len(processes_with(marker)) > 1
    process.kill()
    process.communicate()
    while processes_with(marker):
        time.sleep(0.05)


def processes_with(marker: bytes) -> list[int]:
    """Process ids whose environment holds the marker: what this test has started, and nothing else."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marker in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def test_clean_empties_the_data_folder(clipmill, sample):
    clipmill.data.mkdir()
    (clipmill.data / "blobs").mkdir()
    (clipmill.data / "blobs" / "x").write_bytes(b"x" * 1000)
    ran = clipmill("clean")
    assert ran.code == 0 and "Freed" in ran.out
    assert not clipmill.data.exists()
