"""What a transaction says it did is published if, and only if, it was committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from google.protobuf.message import Message
from sqlalchemy import MetaData, func, select

from clipmill import topics
from clipmill.work.v1.work_pb2 import JobControl
from clipmill_shared.bus import Subscription
from clipmill_shared.events import Event
from clipmill_shared.outbox import Outbox, outbox_table
from clipmill_shared.sql import Database

metadata = MetaData()
table = outbox_table(metadata)


class RecordingBus:
    """Keeps what is published; fails when told to."""

    def __init__(self) -> None:
        self.events: list[Event[Message]] = []
        self.failures = 0

    async def publish(self, *events: Event[Message]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the broker is away")
        self.events += events

    @asynccontextmanager
    async def run(self, *subscriptions: Subscription) -> AsyncIterator[None]:
        yield

    async def close(self) -> None:
        return None


@pytest.fixture
async def database(sql_url: str):
    database = Database(sql_url)
    async with database.transaction() as connection:
        await connection.run_sync(metadata.create_all)
    yield database
    await database.close()


def event(n: int) -> Event[Message]:
    return Event(topics.JOBS_CONTROL, JobControl(owner_id="o", job_id=f"j{n}"), f"id{n}", "o", "/test")


async def wait_for(condition) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.005)


async def is_empty(database: Database) -> bool:
    async with database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 0


@asynccontextmanager
async def relaying(outbox: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(outbox.relay())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_committed_events_are_published_whole_in_order_and_deleted(database: Database) -> None:
    bus = RecordingBus()
    outbox = Outbox(database, table, bus)
    written = [event(n) for n in range(450)]
    async with relaying(outbox):
        for first in range(0, 450, 150):
            async with database.transaction() as connection:
                await outbox.add(connection, *written[first : first + 150])
        await wait_for(lambda: is_empty(database))
    assert [e.id for e in bus.events] == [e.id for e in written]
    assert bus.events[0] == written[0]


async def test_nothing_of_a_rolled_back_transaction_is_published(database: Database) -> None:
    bus = RecordingBus()
    outbox = Outbox(database, table, bus)
    async with relaying(outbox):
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as connection:
                await outbox.add(connection, event(1))
                raise ZeroDivisionError
        async with database.transaction() as connection:
            await outbox.add(connection, event(2))
        await wait_for(lambda: is_empty(database))
    assert [e.id for e in bus.events] == ["id2"]


async def test_a_bus_that_is_away_loses_nothing(database: Database) -> None:
    bus = RecordingBus()
    bus.failures = 1
    outbox = Outbox(database, table, bus)
    async with database.transaction() as connection:
        await outbox.add(connection, event(1), event(2))
    async with relaying(outbox):
        await wait_for(lambda: is_empty(database))
    assert [e.id for e in bus.events] == ["id1", "id2"]


@pytest.mark.parametrize(
    "refused",
    [
        Event(topics.JOBS_CONTROL, JobControl(owner_id="o"), "id", "o", "/test"),
        Event(topics.JOBS_CONTROL, JobControl(job_id="j"), "id", "", "/test"),
        Event(topics.JOBS_CONTROL, JobControl(job_id="j" * 70_000), "id", "o", "/test"),
    ],
    ids=["no key", "no owner", "too large"],
)
async def test_what_the_bus_would_refuse_is_refused_where_it_is_written(
    database: Database, refused: Event[Message]
) -> None:
    outbox = Outbox(database, table, RecordingBus())
    with pytest.raises(ValueError, match=r"jobs\.control"):
        async with database.transaction() as connection:
            await outbox.add(connection, refused)
