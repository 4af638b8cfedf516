"""`clipmill kafka`: what has to do with the Kafka that `clipmill up` brings along."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clipmill_cli import exit_codes
from clipmill_shared.errors import ClipmillError


@click.group()
def kafka() -> None:
    """The Kafka that `clipmill up` runs."""


@kafka.command()
@click.argument("target", metavar="DIR|FILE.tar", type=click.Path(path_type=Path))
def bundle(target: Path) -> None:
    """Copy Kafka's jars, for a machine without network: there, CLIPMILL_KAFKA_BUNDLE names the copy."""
    from clipmill_cli.kafka.jars import BUNDLE_VARIABLE, write_bundle

    try:
        write_bundle(target)
    except ClipmillError as error:
        click.echo(f"clipmill: {' '.join(str(error).split())} [{error.code}]", err=True)
        sys.exit(exit_codes.of_error(error.code))
    except OSError as error:
        click.echo(f"clipmill: {target} cannot be written: {error.strerror}.", err=True)
        sys.exit(exit_codes.ExitCode.PART_FAILED)
    click.echo(f"Set {BUNDLE_VARIABLE}={target.absolute()} where there is no network.")
