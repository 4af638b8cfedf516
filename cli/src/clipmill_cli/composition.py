"""All services in one process, for one job: the composition root of `clipmill run`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import clipmill_audio.service
import clipmill_audio.settings
import clipmill_catalog.service
import clipmill_catalog.settings
import clipmill_ingest.service
import clipmill_ingest.settings
import clipmill_render.service
import clipmill_render.settings
import clipmill_scoring.service
import clipmill_scoring.settings
import clipmill_vision.service
import clipmill_vision.settings

from clipmill.client import Client
from clipmill_cli.data_folder import DataFolder, RunFolder
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.inference.settings import configured_inference
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import Service, running

# A socket's path has 108 bytes at most.
MAX_SOCKET_PATH_BYTES = 100


def services(platform: Platform, *, live: bool = False, stream_host: str = "") -> Sequence[Service]:
    """Every service that a job passes, on one platform; with `live` also what only a live source needs.

    `stream_host` is one whose RTMP or RTSP is taken: who runs the command is its operator.
    """
    ingest, scoring = clipmill_ingest.settings.IngestSettings(), clipmill_scoring.settings.ScoringSettings()
    if stream_host:
        ingest = ingest.model_copy(update={"url_allowed_hosts": ingest.url_allowed_hosts | {stream_host}})
    if not live:
        ingest, scoring = ingest.model_copy(update={"live_slots": 0}), scoring.model_copy(update={"preview_slots": 0})
    return (
        clipmill_catalog.service.build(clipmill_catalog.settings.CatalogSettings(), platform),
        clipmill_audio.service.build(clipmill_audio.settings.AudioSettings(), platform),
        clipmill_vision.service.build(clipmill_vision.settings.VisionSettings(), platform),
        clipmill_scoring.service.build(scoring, platform),
        clipmill_render.service.build(clipmill_render.settings.RenderSettings(), platform),
        clipmill_ingest.service.build(ingest, platform),
    )


@asynccontextmanager
async def one_shot(
    data: DataFolder, run: RunFolder, import_roots: tuple[Path, ...], *, live: bool = False, stream_host: str = ""
) -> AsyncIterator[Client]:
    """Run all services over an in-process bus; gives a client that is connected to them by a socket of the run."""
    bus = InProcessBus(keeps_offsets=False)
    platform = Platform(
        bus=bus,
        blobs=Blobs.in_folder(data.blobs, run.scratch, import_roots),
        sql_url=f"sqlite+aiosqlite:///{run.path}/{{service}}.sqlite",
        scratch=run.scratch,
        instance=f"run-{os.getpid()}",
        inference=configured_inference(),
    )
    built = services(platform, live=live, stream_host=stream_host)
    try:
        with _socket(run) as path:
            async with running(built, bus), serving(built, f"unix:{path}") as address, Client(address) as client:
                yield client
    finally:
        await bus.close()


@contextmanager
def _socket(run: RunFolder) -> Iterator[Path]:
    """A path for the run's socket: a socket and not a port, so that only this user can reach it."""
    path = run.path / "s"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        yield path
    else:
        with tempfile.TemporaryDirectory(prefix="clipmill-") as folder:
            yield Path(folder) / "s"
