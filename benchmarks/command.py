"""The command under measurement: wall time, peak memory of the whole process tree, what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = Path(sys.executable).with_name("clipmill")
SAMPLE_EVERY_S = 0.2


@dataclass
class Measured:
    """One run. Memory is proportional set size: what is shared between processes counts once."""

    wall_s: float
    peak_bytes: int
    events: list[tuple[float, dict[str, object]]] = field(default_factory=list)


def run_clipmill(video: Path, data: Path, output: Path, *options: str, watch_memory: bool = False) -> Measured:
    """Run `clipmill run --json`; each event with the seconds since the start at which it came."""
    log = output.with_suffix(".log")
    began = time.monotonic()
    with log.open("w+") as stderr:
        process = subprocess.Popen(
            [str(COMMAND), "run", str(video), "-o", str(output), "--json", *options],
            env={**os.environ, "CLIPMILL_DATA_DIR": str(data)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        measured = Measured(0.0, 0)
        next_look = 0.0
        assert process.stdout is not None
        for line in process.stdout:
            now = time.monotonic() - began
            event = json.loads(line)
            if event["event"] != "result":
                measured.events.append((now, event))
            if watch_memory and now >= next_look:
                measured.peak_bytes = max(measured.peak_bytes, tree_bytes(process.pid))
                next_look = now + SAMPLE_EVERY_S
        code = process.wait()
        measured.wall_s = time.monotonic() - began
        if code != 0:
            stderr.seek(0)
            raise RuntimeError(f"clipmill run ended with {code}: {stderr.read()[-500:]}")
    return measured


def tree_bytes(pid: int) -> int:
    """Proportional set size of a process and all its descendants, in bytes (Linux)."""
    return sum(_pss_bytes(member) for member in _tree(pid))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                yield from _tree(int(child))
        except OSError:
            continue


def _pss_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0
