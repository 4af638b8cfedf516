"""Where the catalog's parts meet."""

from __future__ import annotations

from pathlib import Path

import grpc.aio

from clipmill.catalog.v1 import catalog_pb2
from clipmill.catalog.v1.catalog_pb2_grpc import add_CatalogServiceServicer_to_server
from clipmill_catalog import tables
from clipmill_catalog.erasure import Erasure
from clipmill_catalog.handlers import GROUP, Handlers
from clipmill_catalog.redrive import Redrive
from clipmill_catalog.servicer import CatalogServicer
from clipmill_catalog.settings import CatalogSettings
from clipmill_shared.offsets import SqlOffsets
from clipmill_shared.outbox import Outbox
from clipmill_shared.platform import Platform
from clipmill_shared.schema import migrate
from clipmill_shared.service import Service
from clipmill_shared.sql import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def build(_settings: CatalogSettings, platform: Platform) -> Service:
    """The catalog: its event handlers and its API on one database."""
    database = Database(platform.sql_url_of("catalog"))
    outbox = Outbox(database, tables.outbox, platform.bus)
    erasure = Erasure(database, platform.blobs, platform.results)
    offsets = SqlOffsets(database, tables.offsets, GROUP, Redrive(outbox))
    servicer = CatalogServicer(database, outbox, platform.blobs, erasure)

    def add(server: grpc.aio.Server) -> None:
        add_CatalogServiceServicer_to_server(servicer, server)

    async def start() -> None:
        await migrate(MIGRATIONS, database, tables.metadata, platform.migrations)

    return Service(
        name="catalog",
        subscriptions=Handlers(database, outbox, platform.blobs, erasure, offsets).subscriptions,
        loops=(outbox.relay, erasure.drive),
        servicers=(add,),
        grpc_names=(catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,),
        start=start,
        stop=database.close,
    )
