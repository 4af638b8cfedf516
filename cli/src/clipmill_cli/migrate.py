"""`clipmill migrate`: bring services' databases to what this version needs, before it starts; a cluster's Job."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path

import click

from clipmill_cli import exit_codes
from clipmill_cli.config import set_option
from clipmill_cli.service import package_of
from clipmill_shared.errors import ClipmillError

# The services that keep something.
OWNERS = ("catalog", "ingest", "models", "scoring")


@click.command(epilog="Exit codes: 0 every database is as this version needs it, 2 wrong usage, 5 one is not.")
@click.argument("services", metavar="[SERVICE...]", nargs=-1, type=click.Choice(OWNERS))
@click.option("--check", is_flag=True, help="Change nothing; say whether it is done.")
@set_option
def migrate(services: tuple[str, ...], check: bool) -> None:
    """Migrate the databases of SERVICE... (all of them) and leave; safe several times, and at once.

    Services with CLIPMILL_MIGRATIONS=check start only after it; with auto, the default, they do it themselves. Those
    of the version before may go on running meanwhile and after.
    """
    from clipmill_shared.platform_settings import PlatformSettings
    from clipmill_shared.telemetry import TelemetrySettings, configure_logging

    try:
        settings = PlatformSettings()
        configure_logging(TelemetrySettings().log_level)
        for name in services or OWNERS:
            asyncio.run(_migrate(name, settings.effective_sql_url.replace("{service}", name), check))
            click.echo(f"{name}: as this version needs it")
    except ClipmillError as error:
        click.echo(f"clipmill: {' '.join(str(error).split())} [{error.code}]", err=True)
        sys.exit(exit_codes.of_error(error.code))


async def _migrate(name: str, url: str, check: bool) -> None:
    from clipmill_shared import schema
    from clipmill_shared.sql import Database

    tables = import_module(f"{package_of(name)}.tables")
    versions = Path(str(tables.__file__)).parent / "migrations"
    database = Database(url)
    try:
        await schema.migrate(versions, database, tables.metadata, "check" if check else "auto")
    finally:
        await database.close()
