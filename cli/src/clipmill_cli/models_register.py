"""`clipmill models register` and `import`: a version comes from a file, or from what another tool has kept."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import click

from clipmill.model_calls import ModelCalls
from clipmill.models.v1 import models_pb2 as pb
from clipmill_cli.models_asked import EPILOG, do, say
from clipmill_cli.models_shown import state_of
from clipmill_cli.remote import address_option, lines_option

FORMATS = {name.removeprefix("FORMAT_").lower(): value for name, value in pb.Format.items() if value}
SUFFIXES = {".onnx": "onnx", ".safetensors": "safetensors", ".json": "table"}
SHOWN_FROM_BYTES = 1 << 20


@click.command(epilog=EPILOG)
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
            sha256 = _sha256_of(Path(artefact))
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

    do(address, as_json, lambda calls: _registered(calls, request, as_json=as_json, no_validate=no_validate))


@click.group("import")
def import_() -> None:
    """Register what another tool has kept."""


@import_.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("model")
@click.argument("version")
@click.option("--definition", default="", metavar="MODULE:NAME", help="What runs it; needed for safetensors.")
@click.option("--title", default="")
@click.option("--licence", default="")
@lines_option
@address_option
def mlflow(  # noqa: PLR0917 - options of a command
    folder: Path,
    model: str,
    version: str,
    definition: str,
    title: str,
    licence: str,
    as_json: bool,
    address: str,
) -> None:
    """Register VERSION of MODEL from FOLDER, an MLflow model with the flavour onnx or safetensors, and check it."""
    # Late: what it needs nobody else does.
    from clipmill_cli.mlflow_model import artefact_of, read

    async def work(calls: ModelCalls) -> None:
        kept = await asyncio.to_thread(read, folder.absolute())
        with artefact_of(kept) as artefact:
            request = pb.RegisterRequest(
                model=model,
                version=version,
                definition=definition,
                artefact=str(artefact),
                sha256=await asyncio.to_thread(_sha256_of, artefact),
                format=kept.kind,
                signature=kept.signature,
                metadata=pb.Metadata(title=title, licence=licence, source=kept.source),
            )
            await _registered(calls, request, as_json=as_json)

    do(address, as_json, work)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _registered(
    calls: ModelCalls, request: pb.RegisterRequest, *, as_json: bool, no_validate: bool = False
) -> None:
    """Register, tell how far it is, validate, and say what came of it."""
    shown = 0.0
    async for at in calls.register(request):
        if at.size_bytes >= SHOWN_FROM_BYTES and at.done_bytes / at.size_bytes >= shown + 0.1 and not as_json:
            shown = at.done_bytes / at.size_bytes
            click.echo(f"{at.done_bytes / 1e6:,.1f} of {at.size_bytes / 1e6:,.1f} MB", err=True)
    found = at.version if no_validate else (await calls.validate(request.model, request.version)).version
    say([found]) if as_json else click.echo(f"{found.model} {found.version}: {state_of(found)}")
