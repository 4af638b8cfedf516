"""The one folder in which Clipmill keeps what it keeps: laid out, bounded, emptied.

blobs/    results and their parts, by content: what makes a second run quick
runs/     the state of runs in progress, each under a lock; swept when its process is gone
log/      what happened, rotated
up/       what `clipmill up` keeps: jobs, clips, Kafka's data; apart, because nothing there is a mere cache
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.errors import ClipmillError, DiskFullError
from clipmill_shared.object_store import is_disk_full
from clipmill_shared.platform_settings import default_data_dir
from clipmill_shared.settings import Settings

# A blob that was used this recently may belong to a run in progress.
RECENT_S = 3600.0


class DataFolderSettings(Settings):
    """Environment: CLIPMILL_DATA_DIR, CLIPMILL_DATA_MAX_GIB, CLIPMILL_DATA_MIN_FREE_MIB."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Where everything lies that is kept on this machine."
    )
    data_max_gib: float = Field(
        20.0, gt=0, description="Between runs, the least recently used results go when the folder holds more."
    )
    data_min_free_mib: int = Field(64, ge=0, description="A run does not begin with less room on the disk.")


@dataclass(frozen=True)
class RunFolder:
    """The state of one run; gone when the run is over."""

    path: Path

    @property
    def scratch(self) -> Path:
        return self.path / "scratch"


class DataFolder:
    """The data folder at `path`, holding at most `max_bytes` between runs."""

    def __init__(self, path: Path, max_bytes: int, min_free_bytes: int = 0) -> None:
        self.path = path.absolute()
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes

    @classmethod
    def configured(cls) -> DataFolder:
        settings = DataFolderSettings()
        return cls(
            settings.data_dir.expanduser(), int(settings.data_max_gib * (1 << 30)), settings.data_min_free_mib << 20
        )

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def up(self) -> Path:
        return self.path / "up"

    @property
    def log(self) -> Path:
        return self.path / "log" / "clipmill.log"

    def make(self) -> None:
        """Make the folder where it is not there. Errors: DATA_DIR_UNUSABLE, DISK_FULL."""
        with self._named_errors():
            (self.path / "runs").mkdir(parents=True, exist_ok=True)

    @contextmanager
    def run(self) -> Iterator[RunFolder]:
        """A folder for one run's state, under a lock that ends with the process; leftovers of dead runs are swept.

        Errors: DATA_DIR_UNUSABLE, DISK_FULL.
        """
        self.make()
        with self._named_errors():
            if shutil.disk_usage(self.path).free < self._min_free_bytes:
                raise DiskFullError(str(self.path))
            self.sweep()
            folder = self.path / "runs" / uuid.uuid4().hex[:12]
            folder.mkdir(mode=0o700)
            lock = (folder / "lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield RunFolder(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()
            self.shrink()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if is_disk_full(error):
                raise DiskFullError(str(self.path)) from error
            raise ClipmillError(
                "DATA_DIR_UNUSABLE",
                f"The data folder {self.path} cannot be written: {error.strerror}.",
                "Set CLIPMILL_DATA_DIR to a folder of yours.",
            ) from error

    def sweep(self) -> None:
        """Remove the state of runs whose process is gone (killed, or the machine went down)."""
        for folder in (self.path / "runs").iterdir():
            if not _is_locked(folder / "lock"):
                shutil.rmtree(folder, ignore_errors=True)

    def shrink(self) -> None:
        """Remove the least recently used results until the folder holds no more than its bound."""
        files: list[tuple[float, int, Path]] = []
        for folder, _, names in os.walk(self.blobs):
            for name in names:
                path = Path(folder) / name
                with contextlib.suppress(FileNotFoundError):
                    stat = path.stat()
                    files.append((max(stat.st_atime, stat.st_mtime), stat.st_size, path))
        excess = sum(size for _, size, _ in files) - self._max_bytes
        now = time.time()
        for used, size, path in sorted(files):
            if excess <= 0 or now - used < RECENT_S:
                return
            path.unlink(missing_ok=True)
            excess -= size

    def empty(self, *, everything: bool = False) -> int:
        """Remove what runs have left; with `everything` also what `clipmill up` keeps. The number of bytes freed.

        ClipmillError DATA_DIR_BUSY while somebody is at work on what would be removed.
        """
        runs = self.path / "runs"
        if runs.is_dir():
            self.sweep()
            if any(runs.iterdir()):
                raise ClipmillError(
                    "DATA_DIR_BUSY",
                    "A run is in progress and needs what would be removed.",
                    "Wait until it has ended, or stop it, and run `clipmill clean` again.",
                )
        parts = [self.path / part for part in ("blobs", "runs", "log")]
        if everything:
            from clipmill_cli.running import is_held

            if is_held(self.up):
                raise ClipmillError(
                    "DATA_DIR_BUSY",
                    "`clipmill up` is running and needs what would be removed.",
                    "Stop it, and run `clipmill clean --all` again.",
                )
            parts.append(self.up)
        freed = sum(size_bytes(part) for part in parts)
        for part in parts:
            shutil.rmtree(part, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()
        return freed


def size_bytes(folder: Path) -> int:
    """The bytes of a folder's files; one that is not there has none."""
    return sum((Path(place) / name).lstat().st_size for place, _, names in os.walk(folder) for name in names)


def _is_locked(lock: Path) -> bool:
    try:
        with lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        # Either a run that is just being made, or what a sweep that was killed has left.
        return time.time() - lock.parent.stat().st_mtime < RECENT_S if lock.parent.exists() else True
    return False
