"""The small HTTP server of a process: is it alive, is it ready, and whatever else operators scrape.

It serves nobody's data, so unlike gRPC it may listen beyond this machine without authentication.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from clipmill_shared.errors import ClipmillError

log = structlog.get_logger()


@dataclass
class Condition:
    """How the process is: `missing` says what it waits for, and is empty when it is ready."""

    missing: str = "starting"


@asynccontextmanager
async def http_health(address: str, condition: Condition, routes: Sequence[web.RouteDef] = ()) -> AsyncIterator[str]:
    """Serve /healthz (200 while the event loop answers), /readyz (200 or 503 with a reason) and `routes`.

    `address` is host:port, port 0 for a free one; gives the bound address. Error: HTTP_ADDRESS_UNUSABLE.
    """

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_request: web.Request) -> web.Response:
        if condition.missing:
            return web.Response(status=503, text=f"{condition.missing}\n")
        return web.Response(text="ready\n")

    app = web.Application(client_max_size=0)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), *routes])
    # An access log would have a line for each scrape.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        yield await _listen(runner, address)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    except (OSError, ValueError) as error:
        raise ClipmillError(
            "HTTP_ADDRESS_UNUSABLE",
            f"HTTP cannot be served on {address}: {error}.",
            "Set CLIPMILL_HTTP_ADDRESS to a host:port that is free, or leave it empty.",
        ) from error
    bound = f"{host}:{runner.addresses[0][1]}"
    log.info("health is served", address=bound)
    return bound
