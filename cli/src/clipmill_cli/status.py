"""`clipmill status`: what runs, what waits, what failed, and how much room is left."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from clipmill_cli import exit_codes
from clipmill_cli.config import json_option, set_option
from clipmill_cli.running import AddressSettings, ProgramState, read_state
from clipmill_shared.errors import ClipmillError
from clipmill_shared.platform_settings import PlatformSettings

if TYPE_CHECKING:
    from clipmill_cli.kafka.inspect import Inspected

T = TypeVar("T")
ANSWER_S = 10.0


@dataclass(frozen=True)
class ServiceStatus:
    """A child of `clipmill up`. `health` is "ready", what it waits for, or why it does not answer."""

    name: str
    condition: str
    health: str
    pid: int | None
    up_s: float
    restarts: int


@dataclass(frozen=True)
class Disk:
    """Of the data folder."""

    folder: str
    used_bytes: int
    free_bytes: int


@dataclass
class Status:
    """All that could be learnt; `unknown` says of the rest why not."""

    address: str
    kafka_bootstrap: str
    services: list[ServiceStatus]
    disk: Disk
    kafka: Inspected | None = None
    jobs: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


@click.command(epilog="Exit codes: 0 all is well, 5 nothing runs, or something is not well.")
@json_option
@set_option
def status(as_json: bool) -> None:
    """Show services, workers, lag, jobs in flight, dead letters and disk of the Clipmill that runs here."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        found = asyncio.run(_status(PlatformSettings()))
    except ClipmillError as error:
        if as_json:
            click.echo(json.dumps({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}))
        click.echo(f"clipmill: {error} [{error.code}]", err=True)
        sys.exit(exit_codes.of_error(error.code))
    click.echo(json.dumps(asdict(found)) if as_json else _table(found))
    is_well = not found.unknown and all(service.health == "ready" for service in found.services)
    sys.exit(0 if is_well else exit_codes.ExitCode.PART_FAILED)


async def _status(settings: PlatformSettings) -> Status:
    state = read_state(settings.home)
    address = AddressSettings().address or (state.grpc_address if state else "")
    bootstrap = state.kafka_bootstrap if state else settings.kafka_bootstrap
    if state is None and not address and not bootstrap:
        raise ClipmillError(
            "NOT_RUNNING",
            f"No `clipmill up` runs on {settings.data_dir}.",
            "Start it, or set CLIPMILL_ADDRESS and CLIPMILL_KAFKA_BOOTSTRAP to those of one that runs elsewhere.",
        )
    programs = state.programs if state else ()
    services = await asyncio.gather(*(_service(program) for program in programs))
    found = Status(address, bootstrap, list(services), await asyncio.to_thread(_disk, settings.data_dir))
    prefix = state.kafka_prefix if state else settings.kafka_prefix
    has_jobs = bool(address) or any("ingest" in program.name for program in programs)
    found.kafka, jobs = await asyncio.gather(
        _known(found, "kafka", lambda: _inspected(bootstrap, prefix)),
        _known(found, "jobs", lambda: _jobs(address, has_jobs)),
    )
    found.jobs = jobs or {}
    return found


async def _known(found: Status, part: str, ask: Callable[[], Awaitable[T]]) -> T | None:
    """What `ask` learns, or None and the reason in `unknown`: the other parts are still worth knowing."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await ask()
    except Exception as error:
        found.unknown[part] = " ".join(str(error).split()) or type(error).__name__
        return None


async def _inspected(bootstrap: str, prefix: str) -> Inspected:
    from clipmill_cli.kafka.inspect import inspected

    if not bootstrap:
        raise ClipmillError("KAFKA_UNSET", "Kafka has not started.", "Set CLIPMILL_KAFKA_BOOTSTRAP, or wait.")
    return await inspected(bootstrap, prefix)


async def _jobs(address: str, has_jobs: bool) -> dict[str, int]:
    from clipmill.client import Client
    from clipmill.jobs.v1.jobs_pb2 import JobState

    if not has_jobs:
        # `clipmill up --only audio`: the jobs are elsewhere.
        return {}
    if not address:
        raise ClipmillError("NOT_READY", "ingest is not up.", "Wait a few seconds, or look at its log.")
    states = (JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_RUNNING)
    counts = {JobState.Name(state).removeprefix("JOB_STATE_"): 0 for state in states}
    async with Client(address, deadline_s=ANSWER_S) as client:
        seen = Counter([JobState.Name(job.state).removeprefix("JOB_STATE_") async for job in client.list_jobs(states)])
    return counts | seen


async def _service(program: ProgramState) -> ServiceStatus:
    health = program.condition if program.condition != "running" else "ready"
    if program.http and health == "ready":
        health = await _ready(program.http)
    up_s = time.time() - program.since if program.pid else 0.0
    return ServiceStatus(program.name, program.condition, health, program.pid, round(up_s, 1), program.restarts)


async def _ready(http: str) -> str:
    import aiohttp

    try:
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"http://{http}/readyz") as answer:
            return (await answer.text()).strip()
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"does not answer: {error or type(error).__name__}"


def _disk(folder: Path) -> Disk:
    used = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                used += (Path(place) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return Disk(str(folder), used, shutil.disk_usage(folder if folder.exists() else Path.home()).free)


def _table(found: Status) -> str:
    lines = [f"gRPC {found.address or '-'}   Kafka {found.kafka_bootstrap or '-'}"]
    lines += ["", f"{'service':16}{'health':28}{'pid':>8}{'up':>10}{'restarts':>10}"]
    for service in found.services:
        up = f"{service.up_s:.0f} s" if service.pid else "-"
        pid = str(service.pid or "-")
        lines.append(f"{service.name:16}{service.health[:27]:28}{pid:>8}{up:>10}{service.restarts:>10}")
    if found.kafka:
        lines += ["", f"{'worker':40}{'stage':10}{'tasks':>6}{'slots':>6}"]
        lines += [f"{w.worker_id[:39]:40}{w.stage:10}{w.tasks:>6}{w.slots:>6}" for w in found.kafka.workers]
        lines += ["", f"{'lag, records':28}{'group':20}{'behind':>8}"]
        lines += [f"{lag.topic:28}{lag.group:20}{lag.records:>8}" for lag in found.kafka.lags]
        dead = ", ".join(f"{letters.topic} {letters.records}" for letters in found.kafka.dead_letters)
        lines += ["", f"dead letters     {dead or 'none'}"]
    jobs = ", ".join(f"{count} {state.lower()}" for state, count in found.jobs.items())
    lines.append(f"jobs in flight   {jobs or '-'}")
    disk = found.disk
    lines.append(f"disk             {_size(disk.used_bytes)} in {disk.folder}, {_size(disk.free_bytes)} free")
    lines += [f"unknown          {part}: {why}" for part, why in found.unknown.items()]
    return "\n".join(lines)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
