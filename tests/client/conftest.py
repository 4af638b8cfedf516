"""A whole Clipmill in the test's process, its models stood in for, and the command as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import clipmill_ingest.service
import pytest
from clipmill_ingest.settings import IngestSettings
from e2e.support import COMMAND, Ran
from harness.stand_in import BUILDERS, StandInImporter

from clipmill_shared.auth import Tokens
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Bus
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.auth import by_token
from clipmill_shared.rpc.server import TlsFiles, serving
from clipmill_shared.service import running

WORKERS = ("audio", "vision", "scoring", "render")


@dataclass
class System:
    """A running Clipmill, and how to command it."""

    folder: Path
    address: str
    environment: dict[str, str] = field(default_factory=dict)

    async def __call__(self, *args: str | Path, **environment: str) -> Ran:
        """How the command `clipmill ARGS` ends."""
        process = await self.start(*args, **environment)
        out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def start(self, *args: str | Path, **environment: str) -> asyncio.subprocess.Process:
        own = {"CLIPMILL_DATA_DIR": str(self.folder / "data"), "CLIPMILL_ADDRESS": self.address, "COLUMNS": "120"}
        return await asyncio.create_subprocess_exec(
            str(COMMAND), *map(str, args), cwd=self.folder, env=os.environ | own | self.environment | environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def job(self, *args: str | Path, **environment: str) -> dict:
        """The only line of a command's --json."""
        ran = await self(*args, "--json", **environment)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)


Running = Callable[..., AbstractAsyncContextManager[System]]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    """Runs a Clipmill: on a bus (one in process when none is given), with the workers of some stages (all). What
    it keeps is in `folder`."""
    monkeypatch.setattr(clipmill_ingest.service, "Importer", StandInImporter)
    monkeypatch.setenv("STAND_IN_SECONDS", "0.02")

    @asynccontextmanager
    async def run(
        *,
        folder: Path = tmp_path,
        bus: Bus | None = None,
        settings: IngestSettings | None = None,
        tokens: Tokens | None = None,
        tls: TlsFiles | None = None,
        workers: tuple[str, ...] = WORKERS,
    ) -> AsyncIterator[System]:
        bus = bus or InProcessBus(grace_s=0.2)
        roots = (tmp_path / "videos",)
        platform = Platform(
            bus=bus,
            blobs=Blobs.in_folder(folder / "blobs", folder / "scratch", roots),
            sql_url=f"sqlite+aiosqlite:///{folder}/{{service}}.sqlite",
            scratch=folder / "scratch",
            instance="system",
            tokens=tokens,
        )
        services = [
            clipmill_ingest.service.build(settings or IngestSettings(), platform),
            *(BUILDERS[name](platform) for name in ("catalog", *workers)),
        ]
        authenticate = by_token(tokens) if tokens else None
        async with (
            running(services, bus),
            serving(services, "127.0.0.1:0", authenticate=authenticate, tls=tls) as address,
        ):
            yield System(tmp_path, address)
        await bus.close()

    return run


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file that the server may read; to the stand-in any file is a talk."""
    (tmp_path / "videos").mkdir()
    path = tmp_path / "videos" / "talk.mp4"
    path.write_bytes(b"a talk")
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A file that the server may not read."""
    path = tmp_path / "other.mp4"
    path.write_bytes(b"another talk")
    return path
