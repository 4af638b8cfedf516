"""A database that several tasks and processes write: what is committed is there, what is not is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, text

from clipmill_shared.errors import ClipmillError
from clipmill_shared.schema import difference, migrate
from clipmill_shared.sql import Database, after_commit, serial

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {down}


def upgrade():
    op.create_table("{table}", sa.Column("n", sa.Integer, primary_key=True))
"""


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    folder = tmp_path / "100% versions"
    folder.mkdir()
    (folder / "0001_a.py").write_text(REVISION.format(id="0001", down=None, table="a"))
    return folder


@pytest.fixture
async def database(sql_url: str, versions: Path):
    database = Database(sql_url)
    await migrate(versions, database)
    yield database
    await database.close()


async def count(database: Database, table: str = "a") -> int:
    async with database.reading() as connection:
        return (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def insert(database: Database, n: int) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO a VALUES (:n)"), {"n": n})


async def test_what_raises_is_rolled_back_and_calls_nobody(database: Database) -> None:
    called: list[int] = []
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO a VALUES (1)"))
            after_commit(connection, lambda: called.append(1))
            raise ZeroDivisionError
    async with database.transaction() as connection:
        after_commit(connection, lambda: called.append(2))
    assert await count(database) == 0
    assert called == [2]


async def test_many_writers_read_what_they_change_and_none_fails(database: Database, sql_url: str) -> None:
    other = Database(sql_url)  # as another process would
    await insert(database, 0)

    async def increment(on: Database) -> None:
        async with on.transaction() as connection:
            await serial(connection, "n")
            value = (await connection.execute(text("SELECT n FROM a"))).scalar_one()
            await connection.execute(text("UPDATE a SET n = :n"), {"n": value + 1})

    await asyncio.gather(*(increment(on) for _ in range(20) for on in (database, other)))
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT n FROM a"))).scalar_one() == 40
    await other.close()


async def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO a VALUES (1)"))
        assert await count(database) == 0
    assert await count(database) == 1


async def test_a_newer_revision_is_applied_once_by_whoever_comes_first(
    database: Database, versions: Path, sql_url: str
) -> None:
    await insert(database, 7)
    (versions / "0002_b.py").write_text(REVISION.format(id="0002", down='"0001"', table="b"))
    others = [Database(sql_url) for _ in range(3)]
    await asyncio.gather(*(migrate(versions, on) for on in others))
    assert await count(database) == 1
    assert await count(database, "b") == 0
    for other in others:
        await other.close()


async def test_a_new_database_can_be_made_at_once_and_is_migrated_from_there(versions: Path, sql_url: str) -> None:
    metadata = MetaData()
    Table("a", metadata, Column("n", Integer, primary_key=True))
    database = Database(sql_url)
    await migrate(versions, database, metadata)
    await insert(database, 7)
    (versions / "0002_b.py").write_text(REVISION.format(id="0002", down='"0001"', table="b"))
    await migrate(versions, database, metadata)
    assert await count(database) == 1
    assert await count(database, "b") == 0
    assert [change[0] for change in await difference(database, metadata)] == ["remove_table"]
    await database.close()


async def test_one_holder_at_a_time(database: Database, sql_url: str) -> None:
    other = Database(sql_url)
    order: list[str] = []

    async def second() -> None:
        async with other.exclusive("relay"):
            order.append("second")

    async with database.exclusive("relay"):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.05)
        order.append("first")
    await waiting
    assert order == ["first", "second"]
    await other.close()


async def test_a_check_accepts_what_is_there_and_what_is_ahead_and_names_the_command_for_what_is_behind(
    database: Database, versions: Path
) -> None:
    await migrate(versions, database, mode="check")
    (versions / "0002_b.py").write_text(REVISION.format(id="0002", down='"0001"', table="b"))
    with pytest.raises(ClipmillError, match=r"older than 0002.*Run `clipmill migrate") as raised:
        await migrate(versions, database, mode="check")
    assert raised.value.code == "DATABASE_NOT_MIGRATED"
    await migrate(versions, database)
    await migrate(versions, database, mode="check")
    (versions / "0002_b.py").unlink()
    await migrate(versions, database, mode="check")
    await migrate(versions, database)
    assert await count(database, "b") == 0


async def test_a_migration_that_fails_changes_nothing(database: Database, versions: Path) -> None:
    broken = REVISION.format(id="0002", down='"0001"', table="b") + "    raise ZeroDivisionError\n"
    (versions / "0002_b.py").write_text(broken)
    with pytest.raises(ZeroDivisionError):
        await migrate(versions, database)
    (versions / "0002_b.py").write_text(REVISION.format(id="0002", down='"0001"', table="b"))
    await migrate(versions, database)
    assert await count(database, "b") == 0
