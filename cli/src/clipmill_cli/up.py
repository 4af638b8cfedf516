"""`clipmill up`: Kafka and all services on this machine, kept running until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
from clipmill_ingest.settings import IngestSettings
from clipmill_scoring.settings import ScoringSettings

from clipmill_cli import exit_codes
from clipmill_cli.config import set_option
from clipmill_cli.kafka.node import READY, prepared_node
from clipmill_cli.running import UpState, the_only_one, write_state
from clipmill_cli.service import BUILDERS, GRACE_S
from clipmill_cli.supervisor import Child, Program
from clipmill_shared import settings as all_settings
from clipmill_shared.errors import ClipmillError
from clipmill_shared.platform_settings import PlatformSettings
from clipmill_shared.rpc.address import is_loopback
from clipmill_shared.rpc.auth import LOCAL_OWNER

# Services of a line share a process. Ingest and the catalog have one gRPC address, as clients expect.
GROUPS = (("ingest", "catalog"), ("audio",), ("vision",), ("scoring",), ("render",), ("models",))
KAFKA_READY_S = 90.0
KAFKA_STOP_S = 15.0
SLOW_START_S = 2.0


@dataclass(frozen=True)
class UpOptions:
    """What was asked for; `bootstrap` is empty for a Kafka of its own."""

    bootstrap: str
    only: frozenset[str]
    kafka_port: int


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in value.split(",") if name.strip())
    if unknown := names - BUILDERS.keys():
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: not one of {', '.join(BUILDERS)}")
    return names or frozenset(BUILDERS)


@click.command(epilog="Exit codes: 0 stopped by Ctrl-C or SIGTERM, 2 wrong usage, 5 it could not start.")
@click.option("--bootstrap", metavar="HOST:PORT", default="", help="Use this Kafka instead of one of its own.")
@click.option("--only", metavar="A,B", default="", callback=_names, help="Run these services only.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Serve gRPC on this port of 127.0.0.1, 0: any free.")
@click.option("--kafka-port", type=click.IntRange(0, 65535), default=0, help="For its own Kafka, 0: any free.")
@set_option
def up(bootstrap: str, only: frozenset[str], grpc_port: int | None, kafka_port: int) -> None:
    """Run Kafka and all services on this machine until Ctrl-C. What they keep is in the data folder."""
    try:
        if grpc_port is not None:
            flags = {**all_settings.flags(), "grpc_address": f"127.0.0.1:{grpc_port}"}
            all_settings.use_flags(f"{name}={value}" for name, value in flags.items())
        settings = PlatformSettings()
        options = UpOptions(bootstrap or settings.kafka_bootstrap, only, kafka_port)
        with the_only_one(settings.home):
            asyncio.run(_Up(settings, options).run())
    except ClipmillError as error:
        click.echo(f"clipmill: {' '.join(str(error).split())} [{error.code}]", err=True)
        sys.exit(exit_codes.of_error(error.code))


class _Up:
    """The children of one `clipmill up`, and what is said of them."""

    def __init__(self, settings: PlatformSettings, options: UpOptions) -> None:
        self._settings = settings
        self._options = options
        self._home = settings.home
        self._bootstrap = options.bootstrap
        self._kafka: Child | None = None
        self._services: list[Child] = []

    @property
    def _children(self) -> list[Child]:
        return [*([self._kafka] if self._kafka else []), *self._services]

    async def run(self) -> None:
        """Start everything in order, wait for a signal, stop everything in the other order."""
        told = asyncio.Event()
        self._on_signals(told)
        self._check_grpc_address()
        (self._home / "announce").mkdir(exist_ok=True)
        keeping: list[asyncio.Task[None]] = []
        starting = asyncio.create_task(self._start(keeping))
        waiting = asyncio.create_task(told.wait())
        try:
            await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                done, _ = await asyncio.wait((waiting, *keeping), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            starting.cancel()
            await self._stop()
            for task in (*keeping, waiting, starting):
                task.cancel()
            await asyncio.gather(*keeping, waiting, starting, return_exceptions=True)
        _say("clipmill", "stopped")

    def _on_signals(self, told: asyncio.Event) -> None:
        def stop() -> None:
            if told.is_set():
                for child in self._children:
                    child.kill()
            told.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop)

    async def _start(self, keeping: list[asyncio.Task[None]]) -> None:
        if not self._bootstrap:
            self._kafka = Child(await self._own_kafka(), self._write, _say)
            keeping.append(asyncio.create_task(self._kafka.keep()))
            try:
                async with asyncio.timeout(KAFKA_READY_S):
                    await self._kafka.ready.wait()
            except TimeoutError:
                raise ClipmillError(
                    "KAFKA_NOT_READY",
                    f"Kafka has not started within {KAFKA_READY_S:.0f} s.",
                    f"See {self._log('kafka')}.",
                ) from None
        self._services = [
            Child(self._service(names, number), self._write, _say)
            for number, group in enumerate(GROUPS)
            if (names := [name for name in group if name in self._options.only])
        ]
        keeping.extend(asyncio.create_task(child.keep()) for child in self._services)
        for child in self._services:
            await child.ready.wait()
        _say("clipmill", f"is up. Logs: {self._home / 'log'}. Ctrl-C stops it.")

    async def _stop(self) -> None:
        """Services first, all at once: they hand back what they hold over Kafka, which goes last."""
        await asyncio.gather(*(child.stop() for child in self._services))
        if self._kafka:
            await self._kafka.stop()

    async def _own_kafka(self) -> Program:
        folder = self._home / "kafka"
        preparing = asyncio.create_task(asyncio.to_thread(prepared_node, folder, self._options.kafka_port))
        done, _ = await asyncio.wait((preparing,), timeout=SLOW_START_S)
        if not done:
            _say("kafka", "is prepared (the first time, 43 MB of jars are fetched) ...")
        node = await preparing
        self._bootstrap = node.bootstrap
        return Program(
            name="kafka",
            command=node.command,
            folder=folder,
            log=self._log("kafka"),
            ready_line=READY,
            is_json=False,
            stop_s=KAFKA_STOP_S,
        )

    def _service(self, names: Sequence[str], number: int) -> Program:
        name = "+".join(names)
        announce = self._home / "announce" / name
        flags = all_settings.flags() | {
            "data_dir": str(self._settings.data_dir),
            "kafka_bootstrap": self._bootstrap,
            "http_address": _nth(self._settings.http_address, number),
        }
        if "ingest" in names and self._takes_local_requests():
            flags["ingest.requests_owner"] = LOCAL_OWNER
        if "audio" in names:
            flags.setdefault("audio.api", "true")
        if "vision" in names:
            flags.setdefault("vision.api", "true")
        if "scoring" in names:
            flags.setdefault("scoring.learns", "true")
            scoring = ScoringSettings()
            if self._is_local() and not scoring.engagement_owner:
                flags["scoring.engagement_owner"] = LOCAL_OWNER
            flags["scoring.features_url"] = scoring.features_url or (self._home / "features").as_uri()
        if "models" in names and self._is_local() and not flags.get("models.lifecycle_owner"):
            flags["models.lifecycle_owner"] = LOCAL_OWNER
        if not {"ingest", "catalog"} & set(names):
            # The configured address is that of ingest and the catalog; commands find the others' in what they announce.
            flags["grpc_address"] = "127.0.0.1:0"
        sets = [part for flag, value in flags.items() for part in ("--set", f"{flag}={value}")]
        return Program(
            name=name,
            command=(sys.executable, "-m", "clipmill_cli.main", "service", *names, "--announce", str(announce), *sets),
            folder=self._home,
            log=self._log(name),
            announce=announce,
            stop_s=GRACE_S + 5,
        )

    def _takes_local_requests(self) -> bool:
        """True where nothing else is configured than that requests are the local owner's."""
        return self._is_local() and not IngestSettings().requests_owner

    def _is_local(self) -> bool:
        """True where whoever reaches Kafka is on this machine, as with gRPC, and nobody has a token."""
        is_local = all(is_loopback(each.strip()) for each in self._bootstrap.split(","))
        return is_local and not self._settings.auth_jwks

    def _log(self, name: str) -> Path:
        return self._home / "log" / f"{name}.log"

    def _write(self) -> None:
        programs = tuple(child.state for child in self._children)
        state = UpState(os.getpid(), self._bootstrap, self._settings.kafka_prefix, str(self._home / "log"), programs)
        # A full disk must not end the supervision; what `clipmill status` shows is then late.
        with suppress(OSError):
            write_state(self._home, state)

    def _check_grpc_address(self) -> None:
        """A port that another program has would only show as a crash loop."""
        host, _, port = self._settings.grpc_address.rpartition(":")
        if host == "unix" or "ingest" not in self._options.only or not port.isdecimal() or port == "0":
            return
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                raise ClipmillError(
                    "RPC_ADDRESS_UNUSABLE",
                    f"gRPC cannot be served on {self._settings.grpc_address}: {error.strerror}.",
                    "Choose another port with --grpc-port, 0 for any that is free.",
                ) from error


def _nth(http_address: str, number: int) -> str:
    """The address for the n-th process: any free port, or the n-th from the configured one on."""
    host, _, port = http_address.rpartition(":")
    return f"{host}:{int(port) + number}" if port.isdecimal() and port != "0" else "127.0.0.1:0"


def _say(name: str, line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {name:15} {line}", err=True)
