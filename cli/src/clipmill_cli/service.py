"""`clipmill service NAME...`: some services in one process, on the engines that the settings name."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clipmill_cli import exit_codes
from clipmill_cli.config import set_option
from clipmill_cli.exit_codes import ExitCode
from clipmill_shared.errors import ClipmillError

if TYPE_CHECKING:
    from clipmill_shared.http_health import Condition
    from clipmill_shared.platform import Platform
    from clipmill_shared.platform_settings import PlatformSettings
    from clipmill_shared.service import Service

Builder = Callable[["Platform"], "Service"]
# A process that has not stopped so long after it was told to is ended: something in it hangs.
GRACE_S = 20.0


# Where a service's package has another name: clipmill_models are the definitions that it keeps versions of.
PACKAGES = {"models": "clipmill_registry"}


def package_of(name: str) -> str:
    """The Python package of a service."""
    return PACKAGES.get(name, f"clipmill_{name}")


def _build(name: str, platform: Platform) -> Service:
    """Import a service and build it: only what is named is imported."""
    settings = getattr(import_module(f"{package_of(name)}.settings"), f"{name.capitalize()}Settings")
    service: Service = import_module(f"{package_of(name)}.service").build(settings(), platform)
    return service


BUILDERS: Mapping[str, Builder] = {
    name: partial(_build, name) for name in ("ingest", "catalog", "audio", "vision", "scoring", "render", "models")
}


@click.command(epilog="Exit codes: 0 stopped by SIGTERM or SIGINT, 2 wrong usage, 5 something failed.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=click.Choice(sorted(BUILDERS)))
@click.option("--announce", metavar="FILE", type=click.Path(path_type=Path), hidden=True)
@set_option
def service(names: tuple[str, ...], announce: Path | None) -> None:
    """Run services in this process: ingest, catalog, audio, vision, scoring, render, models.

    Kafka, databases and blobs are those of the settings (docs/configuration.md). Logs go to standard error.
    """
    from clipmill_shared.platform_settings import PlatformSettings
    from clipmill_shared.seldom import Seldom
    from clipmill_shared.service import LoopFailedError
    from clipmill_shared.telemetry import TelemetrySettings, configure_exporters, configure_logging

    try:
        settings, telemetry = PlatformSettings(), TelemetrySettings()
        configure_logging(telemetry.log_level)
        # While Kafka is away it says so many times a second.
        logging.getLogger().handlers[0].addFilter(Seldom("aiokafka"))
        configure_exporters(telemetry, "clipmill-" + "-".join(names), with_metrics=bool(settings.http_address))
        asyncio.run(serve(names, settings, BUILDERS, announce=announce))
    except ClipmillError as error:
        click.echo(f"clipmill: {' '.join(str(error).split())} [{error.code}]", err=True)
        sys.exit(exit_codes.of_error(error.code))
    except LoopFailedError as error:
        # Its trace has been logged. Who supervises this process starts it again.
        click.echo(f"clipmill: {error}; this process ends.", err=True)
        sys.exit(ExitCode.PART_FAILED)


async def serve(
    names: Sequence[str],
    settings: PlatformSettings,
    builders: Mapping[str, Builder],
    *,
    announce: Path | None = None,
) -> None:
    """Run the named services until SIGTERM or SIGINT, then stop cleanly within GRACE_S.

    gRPC is served where one of them has an API, health and metrics where `http_address` says. A server that is down
    at start is waited for. Once all is up, its addresses are written into the file `announce`, as JSON. Errors:
    ClipmillError for what cannot be started, LoopFailedError when a service breaks.
    """
    from clipmill_shared.http_health import Condition

    task = asyncio.current_task()
    assert task is not None
    life = _Life(Condition(), asyncio.Event())

    def stop() -> None:
        _end_later()
        life.stopping.set()
        if life.condition.missing:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await _serve({name: builders[name] for name in names}, settings, life, announce)
    except asyncio.CancelledError:
        if not life.stopping.is_set():
            raise


@dataclass(frozen=True)
class _Life:
    condition: Condition
    stopping: asyncio.Event


async def _serve(
    builders: Mapping[str, Builder], settings: PlatformSettings, life: _Life, announce: Path | None
) -> None:
    from clipmill_shared.platform import connected
    from clipmill_shared.service import running

    instance = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
    condition = life.condition
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        http = await enter(_health(settings.http_address, condition)) if settings.http_address else ""
        condition.missing = f"waiting for Kafka at {settings.kafka_bootstrap}"
        platform = await enter(connected(settings, instance))
        condition.missing = f"starting {', '.join(builders)}"
        services = [_patient(build(platform)) for build in builders.values()]
        broken = await enter(running(services, platform.bus))
        has_api = any(each.servicers for each in services)
        grpc = await enter(_api(services, settings, platform)) if has_api else ""
        if announce is not None:
            _announce(announce, {"pid": os.getpid(), "instance": instance, "grpc": grpc, "http": http})
        condition.missing = ""
        told = asyncio.ensure_future(life.stopping.wait())
        await asyncio.wait((broken, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        condition.missing = "stopping"
        if broken.done():
            await broken


def _api(
    services: Sequence[Service], settings: PlatformSettings, platform: Platform
) -> AbstractAsyncContextManager[str]:
    from clipmill_shared.rpc.auth import by_token
    from clipmill_shared.rpc.server import TlsFiles, serving

    certificate, key = settings.grpc_tls_cert, settings.grpc_tls_key
    return serving(
        services,
        settings.grpc_address,
        authenticate=by_token(platform.tokens) if platform.tokens else None,
        tls=TlsFiles(certificate, key) if certificate and key else None,
    )


def _patient(service: Service) -> Service:
    """The service, waiting at its start for a database that is down."""
    from clipmill_shared.waiting import until_answered

    return replace(service, start=partial(until_answered, f"the database of {service.name}", service.start))


def _health(address: str, condition: Condition) -> AbstractAsyncContextManager[str]:
    from aiohttp import web

    from clipmill_shared.http_health import http_health
    from clipmill_shared.telemetry import metrics_page

    async def metrics(_request: web.Request) -> web.Response:
        page, kind = metrics_page()
        return web.Response(body=page, headers={"Content-Type": kind})

    return http_health(address, condition, [web.get("/metrics", metrics)])


def _announce(file: Path, what: Mapping[str, object]) -> None:
    partial_file = file.with_name(f".{file.name}.{os.getpid()}")
    partial_file.write_text(json.dumps(what))
    partial_file.replace(file)


def _end_later() -> None:
    """A thread, because a hanging event loop would not run a timer of its own."""
    timer = threading.Timer(GRACE_S, os._exit, (ExitCode.PART_FAILED,))
    timer.daemon = True
    timer.start()
