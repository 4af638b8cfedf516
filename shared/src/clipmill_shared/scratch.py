"""Folders for work in progress, one a process: what a process that was killed left behind is swept by the next."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def scratch_folder(root: Path, name: str) -> Iterator[Path]:
    """A folder `name` under `root`, erased when the context is left, or by whoever comes next if it never is."""
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    folder = root / name
    with (root / f"{name}{_LOCK}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)


def _sweep(root: Path) -> None:
    for path in root.glob(f"*{_LOCK}"):
        try:
            with path.open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            continue
