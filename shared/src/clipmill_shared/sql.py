"""A service's own database: SQLite beside the service, PostgreSQL in a cluster, the same code on both.

SQLAlchemy Core, no ORM: a store is a few functions over tables, and what it writes is what one reads.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

BUSY_TIMEOUT_S = 30
LOCK_POLL_S = 0.5
_AFTER_COMMIT = "clipmill_after_commit"


class Database:
    """Transactions on one database.

    On SQLite a writing transaction takes the write lock when it begins, so that two writers wait for each other
    instead of failing in the middle; keep awaits on anything but the database out of a transaction.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_async_engine(self.url)
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self._writer = self._engine.execution_options(clipmill_begin="BEGIN IMMEDIATE")
        # One writer at a time in this process: an asyncio queue is fair and quick, SQLite's busy waiting is neither.
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A writing transaction: committed when the context is left, rolled back when it raises."""
        if not self.is_sqlite:
            async with self._begun() as connection:
                yield connection
            return
        async with self._writing, self._begun() as connection:
            yield connection

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[AsyncConnection]:
        after: list[Callable[[], None]] = []
        async with self._writer.begin() as connection:
            connection.info[_AFTER_COMMIT] = after
            yield connection
        for callback in after:
            callback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view that waits for no writer. What is written in it is lost."""
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Wait until no other process holds `name` on this database; it is let go when its holder ends, however."""
        if self.is_sqlite:
            descriptor = os.open(f"{self.url.database}.{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                while not _try_flock(descriptor):  # noqa: ASYNC110 - another process lets it go
                    await asyncio.sleep(LOCK_POLL_S)
                yield
            finally:
                os.close(descriptor)
            return
        async with self._engine.connect() as connection:
            locked = text("SELECT pg_try_advisory_lock(:key)")
            key = {"key": zlib.crc32(name.encode())}
            while not (await connection.execute(locked, key)).scalar():  # noqa: ASYNC110 - as above
                await asyncio.sleep(LOCK_POLL_S)
            yield

    async def close(self) -> None:
        await self._engine.dispose()


def after_commit(connection: AsyncConnection, callback: Callable[[], None]) -> None:
    """Call `callback` once the transaction that `connection` is in has been committed; never if it is rolled back."""
    connection.info[_AFTER_COMMIT].append(callback)


async def migrate(versions: Path, database: Database, metadata: MetaData | None = None) -> None:
    """Bring the database to the newest of the Alembic revisions in the folder `versions`.

    Revisions are files NNNN_what.py whose revision id is NNNN. Any number of processes may call this at once: the
    first migrates, the others wait. With `metadata`, which says what the revisions lead to, a new database is made from
    it at once: Alembic alone takes a good part of a second to import, and `clipmill run` has a new database each time.
    A service that gives it has a test that `difference` finds none.
    """
    newest = await asyncio.to_thread(_newest, versions)
    async with database.reading() as connection:
        if await connection.run_sync(_revision) == newest:
            return
    async with database.transaction() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": zlib.crc32(b"migrate")})
        if metadata is not None and await connection.run_sync(_revision) is None:
            await connection.run_sync(metadata.create_all)
            await connection.run_sync(_VERSION.metadata.create_all)
            await connection.execute(_VERSION.insert(), {"version_num": newest})
        else:
            await asyncio.to_thread(__import__, "alembic.command")
            await connection.run_sync(_upgrade, versions)


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


def _prepare_sqlite(dbapi_connection: Any, _: object) -> None:
    # The driver's own transactions begin late and do not cover DDL; `_begin_sqlite` begins them instead.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("clipmill_begin", "BEGIN"))


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
