"""What a service stands on, chosen by the composition root: which bus, which blobs, which database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Bus
from clipmill_shared.compute import usable_cores


@dataclass(frozen=True)
class Platform:
    """The same service runs on any of these; it never asks which.

    `sql_url` is an async SQLAlchemy URL with `{service}` in the place of the service's name: a SQLite file or a
    PostgreSQL schema each. `scratch` is a local folder for work in progress. `instance` names this process.
    """

    bus: Bus
    blobs: Blobs
    sql_url: str
    scratch: Path
    instance: str
    # Heavy work of all services of a process shares the machine's cores; see compute.Children.
    cores: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(usable_cores()))

    def sql_url_of(self, service: str) -> str:
        return self.sql_url.replace("{service}", service)
