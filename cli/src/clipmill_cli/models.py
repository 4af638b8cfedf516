"""`clipmill models`: versions of models, which of them answers, and who decided so."""

from __future__ import annotations

import asyncio
import sys

import click

from clipmill.client import Client
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.model_calls import ModelCalls
from clipmill.models.v1 import models_pb2 as pb
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.models_asked import EPILOG, do, say
from clipmill_cli.models_register import import_, register
from clipmill_cli.models_shown import (
    MOVE_COLUMNS,
    VERSION_COLUMNS,
    alias_name,
    day,
    details_of,
    move_row,
    state_of,
    version_row,
)
from clipmill_cli.remote import address_option, lines_option, on_clipmill
from clipmill_cli.say import say_error
from clipmill_cli.table import grid

ALIASES = {name.removeprefix("ALIAS_").lower(): value for name, value in pb.Alias.items() if value}
LOOK_S = 0.3
_alias_option = click.option("--alias", type=click.Choice(list(ALIASES)), default="champion", show_default=True)


@click.group()
def models() -> None:
    """Models' versions: list, register, validate, promote, roll back."""


models.add_command(register)
models.add_command(import_)


@models.command("list", epilog=EPILOG)
@click.argument("model", default="")
@lines_option
@address_option
def list_(model: str, as_json: bool, address: str) -> None:
    """The versions of MODEL, or of all, the newest first."""

    async def work(calls: ModelCalls) -> None:
        found = [version async for version in calls.versions(model)]
        if as_json:
            return say(found)
        click.echo(grid(VERSION_COLUMNS, map(version_row, found)))
        return None

    do(address, as_json, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@click.argument("version", default="")
@_alias_option
@lines_option
@address_option
def get(model: str, version: str, alias: str, as_json: bool, address: str) -> None:
    """All that is known of VERSION, or of the one that the alias points at."""

    async def work(calls: ModelCalls) -> None:
        found = await calls.version(model, version, ALIASES[alias])
        if as_json:
            return say([found])
        click.echo(f"{found.model} {found.version}: {state_of(found)}")
        for name, text in details_of(found):
            click.echo(f"  {name:12} {text}")
        return None

    do(address, as_json, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@click.argument("version")
@lines_option
@address_option
def validate(model: str, version: str, as_json: bool, address: str) -> None:
    """Load VERSION in a limited process, compare its signature, and ask it."""

    async def work(calls: ModelCalls) -> None:
        found = await calls.validate(model, version)
        if as_json:
            return say([found])
        answers = f", {found.goldens} known answers" if found.goldens else ""
        click.echo(f"{model} {version} works: loaded in {found.load_s:.2f} s, asked in {found.infer_s:.4f} s{answers}.")
        return None

    do(address, as_json, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@click.argument("version")
@_alias_option
@click.option("--instead-of", default="", metavar="VERSION", help="Only if the alias points at this one now.")
@lines_option
@address_option
def promote(model: str, version: str, alias: str, instead_of: str, as_json: bool, address: str) -> None:  # noqa: PLR0917
    """Let an alias of MODEL point at VERSION: new jobs and requests are answered by it."""

    async def work(calls: ModelCalls) -> None:
        _say_move(await calls.promote(model, version, ALIASES[alias], instead_of=instead_of), as_json)

    do(address, as_json, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@_alias_option
@lines_option
@address_option
def rollback(model: str, alias: str, as_json: bool, address: str) -> None:
    """Let an alias of MODEL point at what it pointed at before."""

    async def work(calls: ModelCalls) -> None:
        _say_move(await calls.rollback(model, ALIASES[alias]), as_json)

    do(address, as_json, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@click.argument("alias", type=click.Choice(list(ALIASES)))
@lines_option
@address_option
def clear(model: str, alias: str, as_json: bool, address: str) -> None:
    """Let ALIAS of MODEL point at nothing."""

    async def work(calls: ModelCalls) -> None:
        _say_move(await calls.clear(model, ALIASES[alias]), as_json)

    do(address, as_json, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@lines_option
@address_option
def history(model: str, as_json: bool, address: str) -> None:
    """Who moved which alias of MODEL when, the newest first."""

    async def work(calls: ModelCalls) -> None:
        found = await calls.history(model)
        if as_json:
            return say(found)
        click.echo(grid(MOVE_COLUMNS, map(move_row, found)))
        return None

    do(address, as_json, work)


@models.command(epilog=EPILOG)
@click.argument("model", type=click.Choice(["clip_scorer"]))
@click.argument("version")
@lines_option
@address_option
def train(model: str, version: str, as_json: bool, address: str) -> None:
    """Train VERSION of MODEL on what became of your clips; if it works, it is the challenger."""
    found: list[BlobRef] = []

    async def export(client: Client) -> ExitCode:
        from clipmill.scoring_calls import ScoringCalls

        found.append((await ScoringCalls(client).export_outcomes()).outcomes)
        return ExitCode.CLIPS_MADE

    if code := on_clipmill(address, as_json, export, service="scoring"):
        sys.exit(code)

    async def work(client: Client) -> ExitCode:
        calls = ModelCalls(client)
        run = await calls.train(model, version, found[0])
        while run.state == pb.TrainingRun.STATE_RUNNING:
            await asyncio.sleep(LOOK_S)
            run = await calls.training(run.run_id)
        failed = run.state == pb.TrainingRun.STATE_FAILED
        if as_json:
            say([run])
        elif failed:
            say_error(as_json, run.failure.code, run.failure.message, run.failure.remedy)
        else:
            click.echo(f"The challenger of {model} is {version} now.")
            for name, value in sorted(run.metrics.items()):
                click.echo(f"  {name:18} {value:g}")
        return ExitCode.PART_FAILED if failed else ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work, service="models"))


@models.command(epilog=EPILOG)
@click.argument("model")
@click.argument("version")
@address_option
def load(model: str, version: str, address: str) -> None:
    """Have VERSION loaded wherever it may be asked, and see that it answers."""

    async def work(calls: ModelCalls) -> None:
        await calls.load(model, version)
        click.echo(f"{model} {version} answers.")

    do(address, False, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@click.argument("version")
@address_option
def unload(model: str, version: str, address: str) -> None:
    """Let Triton forget VERSION; refused while an alias points at it."""

    async def work(calls: ModelCalls) -> None:
        await calls.unload(model, version)
        click.echo(f"{model} {version} is unloaded.")

    do(address, False, work)


@models.command(epilog=EPILOG)
@click.argument("model")
@click.argument("version")
@address_option
def delete(model: str, version: str, address: str) -> None:
    """Forget VERSION; refused while an alias points at it. Jobs that have it pinned can use it for a day."""

    async def work(calls: ModelCalls) -> None:
        gone = await calls.delete(model, version)
        kept = f" Its artefact goes on {day(gone.artefact_until)}." if gone.HasField("artefact_until") else ""
        click.echo(f"{model} {version} is gone.{kept}")

    do(address, False, work)


def _say_move(move: pb.Move, as_json: bool) -> None:
    if as_json:
        say([move])
    else:
        was = f" (was {move.from_version})" if move.from_version else ""
        click.echo(f"The {alias_name(move.alias)} of {move.model} is {move.to_version or 'nothing'} now{was}.")
