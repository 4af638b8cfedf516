"""`clipmill models`: versions of models, which of them answers, and who decided so."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import click
from google.protobuf.json_format import MessageToDict

from clipmill.client import Client
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.model_calls import ModelCalls
from clipmill.models.v1 import models_pb2 as pb
from clipmill_cli.exit_codes import ExitCode
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
from clipmill_cli.remote import address_option, lines_option, on_clipmill, say_line
from clipmill_cli.say import say_error
from clipmill_cli.table import grid

ALIASES = {name.removeprefix("ALIAS_").lower(): value for name, value in pb.Alias.items() if value}
FORMATS = {name.removeprefix("FORMAT_").lower(): value for name, value in pb.Format.items() if value}
SUFFIXES = {".onnx": "onnx", ".safetensors": "safetensors", ".json": "table"}
LOOK_S = 0.3
SHOWN_FROM_BYTES = 1 << 20
Work = Callable[[ModelCalls], Coroutine[Any, Any, None]]
_alias_option = click.option("--alias", type=click.Choice(list(ALIASES)), default="champion", show_default=True)
_EPILOG = "Exit codes: 0 done, 2 wrong usage, 5 refused, or it cannot be reached."


@click.group()
def models() -> None:
    """Models' versions: list, register, validate, promote, roll back."""


def _do(address: str, as_json: bool, work: Work) -> None:
    async def connected(client: Client) -> ExitCode:
        await work(ModelCalls(client))
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, connected, service="models"))


@models.command("list", epilog=_EPILOG)
@click.argument("model", default="")
@lines_option
@address_option
def list_(model: str, as_json: bool, address: str) -> None:
    """The versions of MODEL, or of all, the newest first."""

    async def work(calls: ModelCalls) -> None:
        found = [version async for version in calls.versions(model)]
        if as_json:
            return _say(found)
        click.echo(grid(VERSION_COLUMNS, map(version_row, found)))
        return None

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
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
            return _say([found])
        click.echo(f"{found.model} {found.version}: {state_of(found)}")
        for name, text in details_of(found):
            click.echo(f"  {name:12} {text}")
        return None

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
@click.argument("model")
@click.argument("version")
@click.argument("artefact", default="")
@click.option("--sha256", default="", help="Of ARTEFACT.  [default: of a file on this machine it is computed]")
@click.option("--format", "kind", type=click.Choice(list(FORMATS)), help="[default: by the name's end]")
@click.option("--definition", default="", metavar="MODULE:NAME", help="What runs it.  [default: the model's own]")
@click.option("--title", default="")
@click.option("--licence", default="")
@click.option("--source", default="", help="Where it comes from.")
@click.option("--no-validate", is_flag=True, help="Only register it.")
@lines_option
@address_option
def register(  # noqa: PLR0917 - options of a command
    model: str,
    version: str,
    artefact: str,
    sha256: str,
    kind: str | None,
    definition: str,
    title: str,
    licence: str,
    source: str,
    no_validate: bool,
    as_json: bool,
    address: str,
) -> None:
    """Register VERSION of MODEL with the weights ARTEFACT, an address or a path under an import root, and check it."""
    if artefact and "://" not in artefact:
        artefact = str(Path(artefact).absolute())
        if not sha256 and Path(artefact).is_file():
            with Path(artefact).open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if artefact and not sha256:
        raise click.UsageError("--sha256 is needed: what is registered is known by its hash.")
    kind = kind or SUFFIXES.get(Path(artefact.partition("?")[0]).suffix, "") if artefact else ""
    if artefact and not kind:
        raise click.UsageError("--format is needed: the name of ARTEFACT does not say it.")
    request = pb.RegisterRequest(
        model=model,
        version=version,
        definition=definition,
        artefact=artefact,
        sha256=sha256,
        format=FORMATS[kind] if kind else pb.FORMAT_UNSPECIFIED,
        metadata=pb.Metadata(title=title, licence=licence, source=source),
    )

    async def work(calls: ModelCalls) -> None:
        shown = 0.0
        async for at in calls.register(request):
            if at.size_bytes >= SHOWN_FROM_BYTES and at.done_bytes / at.size_bytes >= shown + 0.1 and not as_json:
                shown = at.done_bytes / at.size_bytes
                click.echo(f"{at.done_bytes / 1e6:,.1f} of {at.size_bytes / 1e6:,.1f} MB", err=True)
        found = at.version if no_validate else (await calls.validate(model, version)).version
        _say([found]) if as_json else click.echo(f"{found.model} {found.version}: {state_of(found)}")

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
@click.argument("model")
@click.argument("version")
@lines_option
@address_option
def validate(model: str, version: str, as_json: bool, address: str) -> None:
    """Load VERSION in a limited process, compare its signature, and ask it."""

    async def work(calls: ModelCalls) -> None:
        found = await calls.validate(model, version)
        if as_json:
            return _say([found])
        answers = f", {found.goldens} known answers" if found.goldens else ""
        click.echo(f"{model} {version} works: loaded in {found.load_s:.2f} s, asked in {found.infer_s:.4f} s{answers}.")
        return None

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
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

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
@click.argument("model")
@_alias_option
@lines_option
@address_option
def rollback(model: str, alias: str, as_json: bool, address: str) -> None:
    """Let an alias of MODEL point at what it pointed at before."""

    async def work(calls: ModelCalls) -> None:
        _say_move(await calls.rollback(model, ALIASES[alias]), as_json)

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
@click.argument("model")
@click.argument("alias", type=click.Choice(list(ALIASES)))
@lines_option
@address_option
def clear(model: str, alias: str, as_json: bool, address: str) -> None:
    """Let ALIAS of MODEL point at nothing."""

    async def work(calls: ModelCalls) -> None:
        _say_move(await calls.clear(model, ALIASES[alias]), as_json)

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
@click.argument("model")
@lines_option
@address_option
def history(model: str, as_json: bool, address: str) -> None:
    """Who moved which alias of MODEL when, the newest first."""

    async def work(calls: ModelCalls) -> None:
        found = await calls.history(model)
        if as_json:
            return _say(found)
        click.echo(grid(MOVE_COLUMNS, map(move_row, found)))
        return None

    _do(address, as_json, work)


@models.command(epilog=_EPILOG)
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
            _say([run])
        elif failed:
            say_error(as_json, run.failure.code, run.failure.message, run.failure.remedy)
        else:
            click.echo(f"The challenger of {model} is {version} now.")
            for name, value in sorted(run.metrics.items()):
                click.echo(f"  {name:18} {value:g}")
        return ExitCode.PART_FAILED if failed else ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work, service="models"))


@models.command(epilog=_EPILOG)
@click.argument("model")
@click.argument("version")
@address_option
def load(model: str, version: str, address: str) -> None:
    """Have VERSION loaded wherever it may be asked, and see that it answers."""

    async def work(calls: ModelCalls) -> None:
        await calls.load(model, version)
        click.echo(f"{model} {version} answers.")

    _do(address, False, work)


@models.command(epilog=_EPILOG)
@click.argument("model")
@click.argument("version")
@address_option
def unload(model: str, version: str, address: str) -> None:
    """Let Triton forget VERSION; refused while an alias points at it."""

    async def work(calls: ModelCalls) -> None:
        await calls.unload(model, version)
        click.echo(f"{model} {version} is unloaded.")

    _do(address, False, work)


@models.command(epilog=_EPILOG)
@click.argument("model")
@click.argument("version")
@address_option
def delete(model: str, version: str, address: str) -> None:
    """Forget VERSION; refused while an alias points at it. Jobs that have it pinned can use it for a day."""

    async def work(calls: ModelCalls) -> None:
        gone = await calls.delete(model, version)
        kept = f" Its artefact goes on {day(gone.artefact_until)}." if gone.HasField("artefact_until") else ""
        click.echo(f"{model} {version} is gone.{kept}")

    _do(address, False, work)


def _say(messages: Iterable[Any]) -> None:
    for message in messages:
        say_line(MessageToDict(message, always_print_fields_with_no_presence=True))


def _say_move(move: pb.Move, as_json: bool) -> None:
    if as_json:
        _say([move])
    else:
        was = f" (was {move.from_version})" if move.from_version else ""
        click.echo(f"The {alias_name(move.alias)} of {move.model} is {move.to_version or 'nothing'} now{was}.")
