"""What differs between the engines under `clipmill_shared.sql`: how to connect, to lock, and which errors pass."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, NullPool, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

BUSY_TIMEOUT_S = 30
LOCK_POLL_S = 0.5
# A lock's holder looks whether its connection lives, and takes the lock for lost when it is not told in time. The
# server keeps it longer (KEEPALIVES), so that across a broken network there are never two holders.
LOCK_CHECK_S = 2.0
LOCK_ANSWER_S = 5.0
CONNECT_S = 5.0
# In transactions that no one should have: a statement, a row's lock, a transaction that its process forgot.
STATEMENT_S = 60
LOCK_WAIT_S = 20
IDLE_S = 60
KEEPALIVES = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
POOL_SIZE = 10


class LockLostError(Exception):
    """The connection that held a lock is gone, and so is the lock."""


class Engine(Protocol):
    """One kind of database."""

    name: str

    def pooled(self) -> AsyncEngine:
        """Connections for transactions."""
        ...

    def holding(self, name: str) -> AbstractAsyncContextManager[None]:
        """Wait until no other process holds `name` on this database, and hold it. LockLostError when it is lost."""
        ...

    def passes(self, error: BaseException) -> bool:
        """True for an error that time or another attempt may mend: the server away, a deadlock."""
        ...


def engine_of(url: URL) -> Engine:
    """The kind of database that an URL names."""
    return Sqlite(url) if url.get_backend_name() == "sqlite" else Postgres(url)


class Sqlite:
    """A file. One writer at a time, which takes the write lock when its transaction begins."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self.name = f"the database {url.database}"

    def pooled(self) -> AsyncEngine:
        Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(self._url)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine

    @asynccontextmanager
    async def holding(self, name: str) -> AsyncIterator[None]:
        descriptor = os.open(f"{self._url.database}.{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while not _try_flock(descriptor):  # noqa: ASYNC110 - another process lets it go
                await asyncio.sleep(LOCK_POLL_S)
            yield
        finally:
            os.close(descriptor)

    def passes(self, error: BaseException) -> bool:
        return isinstance(error, DBAPIError) and "database is locked" in str(error.orig)


class Postgres:
    """A schema of the role's own. Locks are advisory ones, named after schema and name."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self.name = f"PostgreSQL at {url.host}:{url.port or 5432}, database {url.database}"

    def pooled(self) -> AsyncEngine:
        settings = {
            "statement_timeout": f"{STATEMENT_S}s",
            "lock_timeout": f"{LOCK_WAIT_S}s",
            "idle_in_transaction_session_timeout": f"{IDLE_S}s",
        }
        # No overflow: what a process may use at most is what it is planned with. Pinged, because a connection that
        # died in the pool is no reason to fail.
        return create_async_engine(
            self._url,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args=_connecting(settings),
        )

    @asynccontextmanager
    async def holding(self, name: str) -> AsyncIterator[None]:
        # A connection of its own, outside of the pool and of any transaction: it is held for days.
        engine = create_async_engine(
            self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_connecting({})
        )
        async with engine.connect() as connection:
            while not (await connection.execute(_TRY_LOCK, {"name": name})).scalar():  # noqa: ASYNC110 - as above
                await asyncio.sleep(LOCK_POLL_S)
            lost = asyncio.timeout(None)
            try:
                async with lost, _watching(connection, lost):
                    yield
            except TimeoutError as error:
                if not lost.expired():
                    raise
                raise LockLostError(f"the lock {name} was lost with its connection to {self.name}") from error

    def passes(self, error: BaseException) -> bool:
        if isinstance(error, DBAPIError):
            return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _PASSING
        # While it connects, the driver's own errors and the socket's come as they are.
        return isinstance(error, ConnectionError | TimeoutError | PoolTimeoutError) or (
            getattr(error, "sqlstate", None) in _PASSING or type(error).__name__ == "ConnectionDoesNotExistError"
        )


_KEY = "hashtextextended(current_schema() || '/' || :name, 0)"
_TRY_LOCK = text(f"SELECT pg_try_advisory_lock({_KEY})")
SERIAL = text(f"SELECT pg_advisory_xact_lock({_KEY})")
_PASSING = {
    "08000", "08001", "08003", "08004", "08006",  # connections
    "40001", "40P01", "55P03",  # serialization, deadlock, lock_timeout
    "53300", "53200", "53100",  # too many connections, out of memory, disk full
    "57014", "57P01", "57P02", "57P03", "25P03",  # cancelled, shut down, starting up, idle in transaction
    "0A000",  # a cached plan that a migration has outdated
}  # fmt: skip


def _connecting(settings: dict[str, str]) -> dict[str, Any]:
    # The driver's time limit notices a server that is gone without a word; the server's own comes before it.
    return {
        "timeout": CONNECT_S,
        "command_timeout": STATEMENT_S + 10,
        "server_settings": {"application_name": "clipmill", **KEEPALIVES, **settings},
    }


@asynccontextmanager
async def _watching(connection: AsyncConnection, lost: asyncio.Timeout) -> AsyncIterator[None]:
    """End the scope `lost` at once when the connection dies."""

    def end(*_: object) -> None:
        if not lost.expired():
            lost.reschedule(asyncio.get_running_loop().time())

    async def look() -> None:
        try:
            while True:
                await asyncio.sleep(LOCK_CHECK_S)
                async with asyncio.timeout(LOCK_ANSWER_S):
                    await connection.execute(text("SELECT 1"))
        except Exception:
            end()

    driver: Any = (await connection.get_raw_connection()).driver_connection
    driver.add_termination_listener(end)
    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        driver.remove_termination_listener(end)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


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
