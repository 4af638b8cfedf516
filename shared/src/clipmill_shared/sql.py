"""A service's own database: SQLite beside the service, PostgreSQL in a cluster, the same code on both.

SQLAlchemy Core, no ORM: a store is a few functions over tables, and what it writes is what one reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from clipmill_shared.errors import ClipmillError
from clipmill_shared.sql_engines import SERIAL, LockLostError, engine_of
from clipmill_shared.waiting import until_answered

_AFTER_COMMIT = "clipmill_after_commit"

# How long a transaction waits for a server that is away, seconds; None is for ever. What takes events and what loops
# waits, because giving up would lose what it has; a call waits less, because its caller wants an answer.
patience_s: ContextVar[float | None] = ContextVar("patience_s", default=None)


class DatabaseUnavailableError(ClipmillError):
    """The database is away, or gave up this transaction: the same may succeed later."""

    def __init__(self, database: str, error: BaseException) -> None:
        super().__init__(
            "DATABASE_UNAVAILABLE",
            f"{database[:1].upper()}{database[1:]} does not answer, or gave up: {_line(error)}.",
            "Try again in a few seconds; if it lasts, see that the database runs.",
            retryable=True,
        )


class Database:
    """Transactions on one database.

    On SQLite a writing transaction takes the write lock when it begins, so that two writers wait for each other
    instead of failing in the middle; keep awaits on anything but the database out of a transaction. On PostgreSQL
    transactions run side by side, each statement sees what is committed (READ COMMITTED): what is read to be changed
    is read FOR UPDATE, and what depends on rows that may not be there yet is `serial` by a name.

    A server that is away is waited for (see `patience_s`) before a transaction begins; what breaks in the middle is a
    DatabaseUnavailableError.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._kind = engine_of(self.url)
        self.name = self._kind.name
        self._engine = self._kind.pooled()
        self._writer = self._engine.execution_options(clipmill_begin="BEGIN IMMEDIATE")
        # One writer at a time in this process: an asyncio queue is fair and quick, SQLite's busy waiting is neither.
        self._writing = asyncio.Lock()
        self._asking = asyncio.Lock()

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
        async with self._connected(self._writer) as connection, connection.begin():
            connection.info[_AFTER_COMMIT] = after
            yield connection
        for callback in after:
            callback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A view that waits for no writer; on SQLite a consistent one. What is written in it is lost."""
        async with self._connected(self._engine) as connection:
            yield connection

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        connection = await self._connect(engine)
        try:
            yield connection
        except Exception as error:
            if self._kind.passes(error):
                raise DatabaseUnavailableError(self.name, error) from error
            raise
        finally:
            await asyncio.shield(connection.close())

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        away: BaseException | None = None
        try:
            async with asyncio.timeout(patience_s.get()):
                while True:
                    try:
                        return await engine.connect()
                    except Exception as error:
                        if not self._kind.passes(error):
                            raise
                        away = error
                    # Hundreds may wait; one of them asks, and says so.
                    async with self._asking:
                        await until_answered(self.name, self._ask)
        except TimeoutError:
            raise DatabaseUnavailableError(self.name, away or TimeoutError()) from away

    async def _ask(self) -> None:
        try:
            await (await self._engine.connect()).close()
        except Exception as error:
            if not self._kind.passes(error):
                raise
            raise ConnectionError(_line(error)) from error

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Wait until no other process holds `name` on this database; it is let go when its holder ends, however.

        DatabaseUnavailableError, at whatever its holder awaits, when the connection that holds it dies: another
        process may have it then.
        """
        try:
            async with self._kind.holding(name):
                yield
        except Exception as error:
            if isinstance(error, LockLostError) or self._kind.passes(error):
                raise DatabaseUnavailableError(self.name, error) from error
            raise

    async def close(self) -> None:
        await self._engine.dispose()


async def serial(connection: AsyncConnection, name: str) -> None:
    """Wait until no other transaction is serial by `name`; this one is, until it ends. To be said first in it.

    For what is decided by rows that may not be there yet, which nobody can lock. On SQLite all writers are serial.
    """
    if connection.dialect.name != "sqlite":
        await connection.execute(SERIAL, {"name": name})


def after_commit(connection: AsyncConnection, callback: Callable[[], None]) -> None:
    """Call `callback` once the transaction that `connection` is in has been committed; never if it is rolled back."""
    connection.info[_AFTER_COMMIT].append(callback)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
