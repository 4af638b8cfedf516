"""What only PostgreSQL can show: it restarts, it is away, its connections die, services share its database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from harness.postgres import Postgres
from sqlalchemy import Column, Integer, MetaData, Table, func, select, text

from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.errors import ClipmillError
from clipmill_shared.schema import migrate
from clipmill_shared.service import Service, running
from clipmill_shared.sql import Database, DatabaseUnavailableError, patience_s, serial

pytestmark = pytest.mark.real
metadata = MetaData()
numbers = Table("numbers", metadata, Column("n", Integer, primary_key=True))
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"


@pytest.fixture
async def url(postgres: Postgres) -> AsyncIterator[str]:
    yield await postgres.url()
    # A test may leave it stopped.
    postgres.server.start()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    async with database.transaction() as on:
        await on.run_sync(metadata.create_all)
    yield database
    await database.close()


async def insert(database: Database, n: int) -> None:
    async with database.transaction() as on:
        await on.execute(numbers.insert(), {"n": n})


async def count(database: Database) -> int:
    async with database.reading() as on:
        return (await on.execute(select(func.count()).select_from(numbers))).scalar_one()


async def end_connections(postgres: Postgres, database: Database) -> None:
    """As an operator, or a broken network, ends them."""
    admin = await asyncpg.connect(f"postgresql://admin@127.0.0.1:{postgres.server.port}/postgres")
    await admin.execute(END_ALL, database.url.username)
    await admin.close()


@pytest.mark.parametrize("how", ["shut down", "crashed"])
async def test_what_is_begun_while_the_server_is_away_waits_for_it(
    database: Database, postgres: Postgres, how: str
) -> None:
    await insert(database, 1)
    (postgres.stop if how == "shut down" else postgres.server.stop)()
    waiting = asyncio.gather(count(database), *(insert(database, n) for n in range(2, 6)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    postgres.server.start()
    await waiting
    assert await count(database) == 5


async def test_a_call_does_not_wait_for_ever(database: Database, postgres: Postgres) -> None:
    postgres.stop()
    patience_s.set(0.1)
    with pytest.raises(DatabaseUnavailableError, match="does not answer") as raised:
        await count(database)
    assert raised.value.retryable
    assert "service_" not in str(raised.value)


async def test_what_breaks_in_the_middle_is_undone_and_says_that_another_attempt_may_help(
    database: Database, postgres: Postgres
) -> None:
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction() as on:
            await on.execute(numbers.insert(), {"n": 1})
            postgres.stop()
            postgres.server.start()
            await on.execute(numbers.insert(), {"n": 2})
    assert await count(database) == 0


async def test_a_deadlock_says_that_another_attempt_may_help(database: Database) -> None:
    await insert(database, 1)
    await insert(database, 2)
    gate = asyncio.Barrier(2)

    async def lock(*order: int) -> None:
        async with database.transaction() as on:
            await on.execute(select(numbers).where(numbers.c.n == order[0]).with_for_update())
            await gate.wait()
            await on.execute(select(numbers).where(numbers.c.n == order[1]).with_for_update())

    results = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert sorted(type(result) for result in results if result) == [DatabaseUnavailableError]


async def test_more_transactions_than_connections_wait_for_each_other(database: Database) -> None:
    await asyncio.gather(*(insert(database, n) for n in range(200)))
    assert await count(database) == 200


async def test_transactions_of_one_name_come_one_after_another_and_others_do_not_wait(database: Database) -> None:
    async def add_next() -> None:
        async with database.transaction() as on:
            await serial(on, "numbers")
            highest = (await on.execute(select(func.max(numbers.c.n)))).scalar() or 0
            await on.execute(numbers.insert(), {"n": highest + 1})

    await asyncio.gather(*(add_next() for _ in range(30)))
    assert await count(database) == 30
    async with database.transaction() as one, database.transaction() as other:
        await serial(one, "one")
        await serial(other, "other")


@pytest.mark.parametrize("how", ["restarted", "connection ended"])
async def test_who_loses_its_lock_stops_and_another_takes_over(
    database: Database, url: str, postgres: Postgres, how: str
) -> None:
    other, holders, begun = Database(url), list[str](), asyncio.Event()

    async def hold(name: str, on: Database) -> None:
        async with on.exclusive("ledger"):
            holders.append(name)
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                holders.append(f"not {name}")

    first = asyncio.create_task(hold("first", database))
    await begun.wait()
    begun.clear()
    if how == "restarted":
        postgres.stop()
        postgres.server.start()
    else:
        await end_connections(postgres, database)
    with pytest.raises(DatabaseUnavailableError, match="lock ledger was lost"):
        await first
    second = asyncio.create_task(hold("second", other))
    await begun.wait()
    second.cancel()
    await asyncio.wait([second])
    assert holders == ["first", "not first", "second", "not second"]
    await other.close()


async def test_a_services_loops_go_on_after_a_restart(database: Database, postgres: Postgres) -> None:
    begun: asyncio.Queue[int] = asyncio.Queue()

    async def drive() -> None:
        async with database.exclusive("ledger"):
            begun.put_nowait(1)
            while True:
                await count(database)
                await asyncio.sleep(0.01)

    bus = InProcessBus()
    async with running([Service("test", loops=(drive,))], bus) as broken:
        await begun.get()
        postgres.stop()
        postgres.server.start()
        await begun.get()
        assert not broken.done()
    await bus.close()


async def test_services_in_one_database_do_not_share_locks_or_tables(database: Database, postgres: Postgres) -> None:
    other = Database(await postgres.url())
    async with database.exclusive("outbox"), other.exclusive("outbox"), other.reading() as on:
        assert (await on.execute(text("SELECT to_regclass('numbers')"))).scalar() is None
    await other.close()


async def test_a_role_without_a_schema_of_its_own_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    (tmp_path / "0001_a.py").write_text("revision, down_revision = '0001', None\n")
    database = Database(f"postgresql+asyncpg://admin@127.0.0.1:{postgres.server.port}/postgres")
    with pytest.raises(ClipmillError, match="CREATE SCHEMA AUTHORIZATION admin") as raised:
        await migrate(tmp_path, database)
    assert raised.value.code == "DATABASE_SCHEMA_MISSING"
    await database.close()
