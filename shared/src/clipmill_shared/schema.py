"""A database's schema: brought to what the code needs, or found to be there.

Revisions are Alembic's, files NNNN_what.py whose revision id is NNNN. They expand first and contract a release later
(docs/adr/0015), so a database may be ahead of the code, never behind it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import structlog
from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

from clipmill_shared.errors import ClipmillError
from clipmill_shared.sql import Database, serial

log = structlog.get_logger()
Migrations = Literal["auto", "check"]


class SchemaError(ClipmillError):
    """The database is not as this version needs it."""


async def migrate(
    versions: Path, database: Database, metadata: MetaData | None = None, mode: Migrations = "auto"
) -> None:
    """Bring the database to the newest of the revisions in the folder `versions`; with "check", see that it is there.

    Any number of processes may call this at once: the first migrates, the others wait. With `metadata`, which says
    what the revisions lead to, a new database is made from it at once: Alembic alone takes a good part of a second to
    import, and `clipmill run` has a new database each time. A service that gives it has a test that `difference` finds
    none. SchemaError when "check" finds an older schema, or PostgreSQL has none for the role.
    """
    newest = await asyncio.to_thread(_newest, versions)
    if await _is_at(database, newest):
        return
    if mode == "check":
        name = versions.parent.name.removeprefix("clipmill_")
        raise SchemaError(
            "DATABASE_NOT_MIGRATED",
            f"{database.name[:1].upper()}{database.name[1:]}, has a schema older than {newest}, which the service "
            f"{name} of this version needs.",
            f"Run `clipmill migrate {name}` once, then start again.",
        )
    async with database.transaction() as connection:
        await serial(connection, "migrate")
        revision = await connection.run_sync(_revision)
        if revision is not None and revision >= newest:
            return
        if not database.is_sqlite:
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
        if metadata is not None and revision is None:
            await connection.run_sync(metadata.create_all)
            await connection.run_sync(_VERSION.metadata.create_all)
            await connection.execute(_VERSION.insert(), {"version_num": newest})
        else:
            await asyncio.to_thread(__import__, "alembic.command")
            await connection.run_sync(_upgrade, versions)
        log.info("the database was migrated", database=database.name, before=revision, now=newest)


async def _is_at(database: Database, newest: str) -> bool:
    async with database.reading() as connection:
        if not database.is_sqlite:
            # In a schema that services share, one would take another's tables for its own.
            here = (await connection.execute(text("SELECT current_schema(), current_user"))).one()
            if here[0] in (None, "public"):
                raise SchemaError(
                    "DATABASE_SCHEMA_MISSING",
                    f"The role {here[1]} has no schema of its own in {database.name}.",
                    f"Run CREATE SCHEMA AUTHORIZATION {here[1]} there: docs/operations.md, Databases.",
                )
        revision = await connection.run_sync(_revision)
    if revision is not None and revision > newest:
        log.info("the database is ahead of this version", database=database.name, revision=revision, needs=newest)
    return revision is not None and revision >= newest


async def difference(database: Database, metadata: MetaData) -> list[object]:
    """How a database differs from `metadata`, as Alembic says it; for tests."""

    def compare(connection: Connection) -> list[object]:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        options = {"compare_server_default": True, "include_name": lambda name, kind, _: name != _VERSION.name}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with database.reading() as connection:
        return await connection.run_sync(compare)


# Alembic's own table, as it makes it.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def _newest(versions: Path) -> str:
    return max(path.name[:4] for path in versions.glob("[0-9][0-9][0-9][0-9]_*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    revision: str | None = connection.execute(select(_VERSION.c.version_num)).scalar()
    return revision


def _upgrade(connection: Connection, versions: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.attributes["connection"] = connection
    for option, value in (
        ("script_location", str(Path(__file__).parent / "migrations")),
        ("path_separator", "newline"),
        ("version_locations", str(versions)),
    ):
        config.set_main_option(option, value.replace("%", "%%"))
    command.upgrade(config, "head")
