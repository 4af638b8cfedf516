"""How commands speak to a Clipmill that runs: where it is, who asks, and what is said when it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from clipmill.client import Client, ClipmillRpcError
from clipmill_cli import exit_codes, running
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.interrupt import InterruptedByUserError, interruptible
from clipmill_cli.say import say_error
from clipmill_shared.errors import ClipmillError
from clipmill_shared.platform_settings import PlatformSettings
from clipmill_shared.settings import Settings

Command = TypeVar("Command", bound=Callable[..., object])


class ClientSettings(Settings):
    """Who asks, and how the way there is kept from others."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    token: SecretStr = Field(
        SecretStr(""), description="Proves to a Clipmill with accounts who its commands' owner is."
    )
    tls: bool = Field(False, description="Commands speak TLS, with the certificate authorities of the system.")
    tls_ca: Path | None = Field(None, description="Commands speak TLS, with this certificate authority; PEM.")


def address_option(command: Command) -> Command:
    option = click.option(
        "--address",
        default="",
        metavar="HOST:PORT",
        help="Of its gRPC.  [default: CLIPMILL_ADDRESS, or the clipmill up of this machine]",
    )
    return option(command)


def lines_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="JSON lines on standard output.")(command)


def say_line(line: object) -> None:
    """A JSON object on a line of its own."""
    print(json.dumps(line), flush=True)


def on_clipmill(
    address: str,
    as_json: bool,
    work: Callable[[Client], Coroutine[Any, Any, ExitCode]],
    if_stopped: str = "",
    *,
    service: str = "ingest",
) -> ExitCode:
    """Do `work` with a client of the Clipmill at `address`, or of the one that is found; the process's exit code.

    What goes wrong is said. `if_stopped` is what Ctrl-C leaves behind, in a sentence; `service` is whose address is
    looked for.
    """
    where = address

    async def connected() -> ExitCode:
        nonlocal where
        where = address or await asyncio.to_thread(running.address, service)
        settings = ClientSettings()
        async with Client(
            where, token=settings.token.get_secret_value(), tls=settings.tls_ca or settings.tls
        ) as client:
            return await interruptible(work(client))

    return said(connected, as_json, if_stopped, lambda: where)


def on_kafka(as_json: bool, work: Callable[[str, str], Coroutine[Any, Any, ExitCode]]) -> ExitCode:
    """Do `work` with the bootstrap address and the prefix of the system's Kafka; the process's exit code."""

    async def located() -> ExitCode:
        bootstrap, prefix = await asyncio.to_thread(kafka)
        return await interruptible(work(bootstrap, prefix))

    return said(located, as_json)


def kafka() -> tuple[str, str]:
    """Where Kafka is, and its topics' prefix: of the settings, or of the `clipmill up` here. Error: NOT_RUNNING."""
    settings = PlatformSettings()
    if settings.kafka_bootstrap:
        return settings.kafka_bootstrap, settings.kafka_prefix
    if (state := running.read_state(settings.home)) and state.kafka_bootstrap:
        return state.kafka_bootstrap, state.kafka_prefix
    raise ClipmillError(
        "NOT_RUNNING",
        f"No `clipmill up` runs on {settings.data_dir}.",
        "Start it, or set CLIPMILL_KAFKA_BOOTSTRAP to the host:port of a Kafka that runs elsewhere.",
    )


def said(
    work: Callable[[], Coroutine[Any, Any, ExitCode]],
    as_json: bool,
    if_stopped: str = "",
    where: Callable[[], str] = str,
) -> ExitCode:
    """Run `work`; what goes wrong is said, and the exit code follows from it."""
    try:
        return asyncio.run(work())
    except InterruptedByUserError:
        say_error(as_json, "INTERRUPTED", "Stopped.", if_stopped)
        return ExitCode.INTERRUPTED
    except ClipmillRpcError as error:
        if error.status is grpc.StatusCode.UNAVAILABLE and error.code == error.status.name:
            say_error(
                as_json,
                "NOT_RUNNING",
                f"No Clipmill answers at {where()}.",
                "Start it (`clipmill up`), or set CLIPMILL_ADDRESS or --address to that of one that runs.",
            )
            return ExitCode.PART_FAILED
        say_error(as_json, error.code, error.message, error.remedy, error.retry_after_s)
        return exit_codes.of_error(error.code)
    except ClipmillError as error:
        say_error(as_json, error.code, error.message, error.remedy, error.retry_after_s)
        return exit_codes.of_error(error.code)
