"""The command as a user runs it: a process of its own, with a data folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from clipmill_cli.results import ResultRecord

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("clipmill")
SAMPLE = ROOT / ".venv" / "sample"


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("clipmill: ")]

    @property
    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Clipmill:
    """Runs `clipmill` with one data folder, in one working folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, *args: str | Path, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        environment = {**os.environ, "CLIPMILL_DATA_DIR": str(self.data), "COLUMNS": "120", **self.environment}
        return subprocess.Popen(
            [*prefix, str(COMMAND), *map(str, args)],
            cwd=self.folder,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *args: str | Path, timeout: float = 280) -> Ran:
        process = self.start(*args)
        out, err = process.communicate(timeout=timeout)
        return Ran(process.returncode, out, err)


@dataclass(frozen=True)
class Made:
    """A run and what it wrote."""

    ran: Ran
    folder: Path
    video: Path
    output: Path
    result: ResultRecord


def make_clips(folder: Path, video: Path, *options: str) -> Made:
    output = folder / "clips"
    ran = Clipmill(folder)("run", video, "-o", output, *options)
    assert ran.code == 0, ran.err
    return Made(
        ran, folder, video, output, ResultRecord.model_validate(json.loads((output / "clips.json").read_text()))
    )
