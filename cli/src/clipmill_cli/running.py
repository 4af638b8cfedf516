"""What `clipmill up` says of itself in the data folder: that it runs, and where it and its parts are reached."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from clipmill_shared.errors import ClipmillError
from clipmill_shared.platform_settings import PlatformSettings
from clipmill_shared.settings import Settings

_LOCK, _STATE = "lock", "state.json"
LOOK_S = 0.05


class AddressSettings(Settings):
    """Which Clipmill a client's command speaks to."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    address: str = Field(
        "", description="Of the gRPC that commands call; empty: that of the `clipmill up` running here."
    )


@dataclass(frozen=True)
class ProgramState:
    """One child: `condition` is "starting", "running", "restarting", "crash loop" or "stopped". Times are Unix."""

    name: str
    condition: str
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    # Where it serves gRPC and health, once it said so.
    grpc: str = ""
    http: str = ""


@dataclass(frozen=True)
class UpState:
    """What runs, as written by `clipmill up` whenever it changes."""

    pid: int
    kafka_bootstrap: str
    kafka_prefix: str
    log_folder: str
    programs: tuple[ProgramState, ...]

    @property
    def grpc_address(self) -> str:
        """Of ingest and the catalog."""
        return self.grpc_of("ingest") or self.grpc_of("catalog")

    def grpc_of(self, service: str) -> str:
        """Where a service is reached, as far as it has said so."""
        return next((each.grpc for each in self.programs if each.grpc and service in each.name.split("+")), "")


@contextmanager
def the_only_one(home: Path) -> Iterator[None]:
    """Hold the data folder for one `clipmill up`; the lock ends with the process. Error: UP_RUNNING."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK).open("w") as lock:
        if not _takes(lock):
            # Who only looks whether it is held holds it for a moment.
            time.sleep(LOOK_S)
        if not _takes(lock):
            raise ClipmillError(
                "UP_RUNNING",
                f"`clipmill up` is running already on {home.parent}.",
                "Stop it first, or set CLIPMILL_DATA_DIR to another folder for this one.",
            )
        # One that was killed has left its own.
        (home / _STATE).unlink(missing_ok=True)
        try:
            yield
        finally:
            (home / _STATE).unlink(missing_ok=True)


def is_held(home: Path) -> bool:
    """True while a `clipmill up` runs on this folder."""
    try:
        with (home / _LOCK).open("r") as lock:
            return not _takes(lock)
    except FileNotFoundError:
        return False


def _takes(lock: IO[str]) -> bool:
    """Take the lock if nobody holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_state(home: Path, state: UpState) -> None:
    partial = home / f".{_STATE}"
    partial.write_text(json.dumps(asdict(state)))
    partial.replace(home / _STATE)


def read_state(home: Path) -> UpState | None:
    """What runs on this folder, or None when nothing does (or it has only begun to start)."""
    if not is_held(home):
        return None
    with suppress(FileNotFoundError):
        found = json.loads((home / _STATE).read_text())
        return UpState(**found | {"programs": tuple(ProgramState(**program) for program in found["programs"])})
    return None


def address(service: str = "ingest") -> str:
    """Where commands reach a service's gRPC: CLIPMILL_ADDRESS, or the `clipmill up` of this data folder.

    Errors: NOT_RUNNING, NOT_READY.
    """
    if set_address := AddressSettings().address:
        return set_address
    home = PlatformSettings().home
    state = read_state(home)
    if state is None:
        raise ClipmillError(
            "NOT_RUNNING",
            f"No `clipmill up` runs on {home.parent}.",
            "Start it, or set CLIPMILL_ADDRESS to the host:port of one that runs elsewhere.",
        )
    found = state.grpc_address if service == "ingest" else state.grpc_of(service)
    if not found:
        raise ClipmillError(
            "NOT_READY",
            f"`clipmill up` is starting, or it runs without {service}.",
            "Try again in a few seconds; `clipmill status` shows how far it is.",
            retryable=True,
        )
    return found
