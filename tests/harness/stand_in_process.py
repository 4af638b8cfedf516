"""One process of stand-in services: `python -m harness.stand_in_process NAME ANNOUNCE audio vision`.

It is the product's own runner (clipmill_cli.service) with other builders, or with STAND_IN_REAL with its own. The
platform is that of the CLIPMILL_* variables. A test makes faults through files in the folder
`STAND_IN_CONTROL` (see Faults); without it there are none.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

REAL_TIME = time.time


class Faults:
    """What a test makes go wrong inside this process, by files in a folder, each named `<process>.<fault>`.

    - `die-after-publish`: the process kills itself (SIGKILL) when the bus has stored the next event that is not a
      worker's status: after its produce, before its commit.
    - `die-after-commit`: the same after the next transaction on its database, before its offset is committed.
    - `clock`: its wall clock is so many seconds off. Only the wall clock: monotonic time goes on, as on a machine
      whose clock is set.
    - `store`: each operation on the blob store takes so many seconds ("slow 2"), fails ("fail"), or finds the disk
      full when it writes ("full").
    """

    def __init__(self, folder: Path | None, process: str) -> None:
        self._folder = folder
        self._process = process
        self._offset_s = 0.0
        self._looked_at = 0.0

    def said(self, fault: str) -> str | None:
        if self._folder is None:
            return None
        with suppress(FileNotFoundError):
            return (self._folder / f"{self._process}.{fault}").read_text()
        return None

    def die_if_told(self, fault: str) -> None:
        """End as by `kill -9`, once."""
        if self.said(fault) is not None and self._folder is not None:
            (self._folder / f"{self._process}.{fault}").unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def now(self) -> float:
        if (at := time.monotonic()) - self._looked_at > 0.05:
            self._looked_at = at
            self._offset_s = float(self.said("clock") or 0)
        return REAL_TIME() + self._offset_s

    async def before_store(self, *, writes: bool) -> None:
        from obstore.exceptions import GenericError

        kind, _, seconds = (self.said("store") or "").partition(" ")
        if kind == "slow":
            await asyncio.sleep(float(seconds))
        elif kind == "fail":
            raise GenericError("the store is made to fail")
        elif kind == "full" and writes:
            raise OSError(28, "No space left on device")


class FaultyStore:
    """An object store with faults before each operation."""

    def __init__(self, store: Any, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._store, name)
        if not name.endswith("_async"):
            return operation

        async def faulty(*args: Any, **options: Any) -> Any:
            await self._faults.before_store(writes=name.startswith("put"))
            return await operation(*args, **options)

        return faulty


def install(faults: Faults) -> None:
    """Put the faults of clock, bus and database in; before the product's modules are imported."""
    time.time = faults.now
    time.time_ns = lambda: round(faults.now() * 1e9)

    class ShiftedDatetime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=faults.now() - REAL_TIME())

    events = importlib.import_module("clipmill_shared.events")
    events.datetime = ShiftedDatetime
    bus = importlib.import_module("clipmill_shared.bus.kafka").KafkaBus
    publish = bus.publish

    async def published(self: Any, *sent: Any) -> None:
        await publish(self, *sent)
        if any(event.topic.name != "workers.status.v1" for event in sent):
            faults.die_if_told("die-after-publish")

    bus.publish = published
    sql = importlib.import_module("clipmill_shared.sql")
    after_commit = sql.after_commit

    def noted(connection: Any, callback: Any) -> None:
        after_commit(connection, callback)
        after_commit(connection, lambda: faults.die_if_told("die-after-commit"))

    sql.after_commit = noted


def main() -> None:
    process, announce, *names = sys.argv[1:]
    control = os.environ.get("STAND_IN_CONTROL")
    faults = Faults(Path(control) if control else None, process)
    if control:
        install(faults)
    from clipmill_cli import service
    from clipmill_shared.platform_settings import PlatformSettings
    from clipmill_shared.telemetry import configure_logging

    configure_logging(os.environ.get("STAND_IN_LOG", "INFO"))
    if os.environ.get("STAND_IN_REAL"):
        builders = service.BUILDERS
    else:
        from harness.stand_in import BUILDERS as builders  # noqa: N811 - as the product calls its own

    def faulty(build: Any, platform: Any) -> Any:
        platform.blobs._store = FaultyStore(platform.blobs._store, faults)
        return build(platform)

    faulted = {name: partial(faulty, build) if control else build for name, build in builders.items()}
    asyncio.run(service.serve(names, PlatformSettings(), faulted, announce=Path(announce)))


if __name__ == "__main__":
    main()
