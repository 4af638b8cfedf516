"""Where ingest's parts meet."""

from __future__ import annotations

import asyncio
import mimetypes
from functools import partial
from pathlib import Path

import grpc.aio

from clipmill.jobs.v1 import jobs_pb2
from clipmill.jobs.v1.jobs_pb2_grpc import add_IngestServiceServicer_to_server
from clipmill_ingest import tables
from clipmill_ingest.handlers import GROUP, Handlers
from clipmill_ingest.importer import Importer
from clipmill_ingest.ledger import Ledger
from clipmill_ingest.metrics import Gauges
from clipmill_ingest.pace import Pace
from clipmill_ingest.redrive import Redrive
from clipmill_ingest.requests import Requests
from clipmill_ingest.servicer import IngestServicer
from clipmill_ingest.settings import IngestSettings
from clipmill_ingest.spent import SpentParts
from clipmill_ingest.store import Store
from clipmill_ingest.uploads import Uploads
from clipmill_shared.askers import Askers
from clipmill_shared.inference.aliases import Aliases
from clipmill_shared.inference.selection import Budget
from clipmill_shared.offsets import SqlOffsets
from clipmill_shared.outbox import Outbox
from clipmill_shared.platform import Platform
from clipmill_shared.schema import migrate
from clipmill_shared.service import Service
from clipmill_shared.sql import Database
from clipmill_shared.work import Worker

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: IngestSettings, platform: Platform) -> Service:
    """The ingest service: the ledger, its API, and the import stage's worker."""
    database = Database(platform.sql_url_of("ingest"))
    outbox = Outbox(database, tables.outbox, platform.bus)
    store = Store(outbox)
    offsets = SqlOffsets(database, tables.offsets, GROUP, Redrive(outbox, settings.redrive_ended_s))
    spent = SpentParts(database, store, platform.blobs)
    aliases = Aliases()
    pinned = partial(aliases.pinned, budget=Budget(settings.model_infer_s, settings.model_memory_bytes))
    ledger = Ledger(settings, database, store, offsets=offsets, spent=spent, pinned=pinned)
    gauges = Gauges(database, settings.worker_live_s)
    requests = Requests(platform.blobs, settings.max_file_bytes)
    askers = Askers(platform.tokens, settings.requests_owner)
    importer = Importer(settings, platform.blobs, ledger.address, platform.cores)
    instance = f"import-{platform.instance}"
    worker = Worker(
        importer.stage, platform.bus, platform.blobs, settings.import_slots, instance, results=platform.results
    )
    pace = Pace(platform.limits, settings.submits_per_minute)
    uploads = Uploads(settings, platform.blobs, platform.cores)
    servicer = IngestServicer(database, store, ledger, requests, uploads=uploads, pace=pace)

    live = _recording(settings, platform, ledger, spent)

    def add(server: grpc.aio.Server) -> None:
        add_IngestServiceServicer_to_server(servicer, server)

    async def start() -> None:
        # It reads the system's lists of media types at its first use.
        await asyncio.to_thread(mimetypes.init)
        await migrate(MIGRATIONS, database, tables.metadata, platform.migrations)

    async def stop() -> None:
        await importer.close()
        await uploads.close()
        await live.stop()
        await database.close()

    return Service(
        name="ingest",
        subscriptions=(
            aliases.subscription,
            *Handlers(ledger, requests, askers, offsets).subscriptions,
            *worker.subscriptions,
            *live.subscriptions,
        ),
        loops=(
            *(ledger.drive, ledger.prune, outbox.relay, worker.report_status, gauges.measure),
            *live.loops,
        ),
        servicers=(add,),
        grpc_names=(jobs_pb2.DESCRIPTOR.services_by_name["IngestService"].full_name,),
        start=start,
        stop=stop,
    )


def _recording(settings: IngestSettings, platform: Platform, ledger: Ledger, spent: SpentParts) -> Service:
    """The record stage's worker; nothing where no live sources are recorded."""
    if not settings.live_slots:
        return Service(name="record")
    # Late: an ordinary `clipmill run` starts without it.
    from clipmill_ingest.live.recorder import Recorder

    recorder = Recorder(settings, platform.blobs, platform.bus, ledger.recording, cores=platform.cores)
    worker = Worker(recorder.stage, platform.bus, platform.blobs, settings.live_slots, f"record-{platform.instance}")
    return Service(
        name="record",
        subscriptions=(*worker.subscriptions, *recorder.subscriptions),
        loops=(worker.report_status, spent.sweep),
        stop=recorder.close,
    )
