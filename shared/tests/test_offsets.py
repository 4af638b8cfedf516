"""State and the offset that it covers are one transaction; who was overtaken writes nothing."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, select

from clipmill import topics
from clipmill.work.v1.work_pb2 import JobControl
from clipmill_shared.bus import Fenced
from clipmill_shared.bus.claiming import Bounds, claim
from clipmill_shared.bus.contract import LogId
from clipmill_shared.bus.finished import Finished
from clipmill_shared.events import Event, Position
from clipmill_shared.offsets import SqlOffsets, offsets_table
from clipmill_shared.sql import Database

metadata = MetaData()
table = offsets_table(metadata)
effects = Table("effects", metadata, Column("number", Integer, nullable=False))
LOG = LogId("cluster", "topic", "jobs.control.v1")


@pytest.fixture
async def database(sql_url: str) -> AsyncIterator[Database]:
    database = Database(sql_url)
    async with database.transaction() as on:
        await on.run_sync(metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def offsets(database: Database) -> SqlOffsets:
    return SqlOffsets(database, table, "group")


def event(offset: int, epoch: int, since: int | None = None, log: LogId = LOG, partition: int = 0) -> Event[JobControl]:
    since = offset if since is None else since
    place = Position(log.cluster_id, log.topic_id, partition, offset, epoch, since)
    return Event(topics.JOBS_CONTROL, JobControl(owner_id="o", job_id="j"), "id", "o", "/test", position=place)


async def epoch_of(offsets: SqlOffsets, log: LogId = LOG) -> int:
    return (await offsets.claim(log, [0]))[0].epoch


async def kept(offsets: SqlOffsets, log: LogId = LOG) -> Finished | None:
    """What the next one to claim the partition finds."""
    return (await offsets.claim(log, [0]))[0].finished


async def take(offsets: SqlOffsets, event: Event[JobControl]) -> bool:
    """Handle an event with an effect; False when it was handled before."""
    async with offsets.taking(event) as on:
        if on is not None:
            assert event.position is not None
            await on.execute(effects.insert(), {"number": event.position.offset})
    return on is not None


async def count(database: Database) -> int:
    async with database.reading() as on:
        return (await on.execute(select(func.count()).select_from(effects))).scalar_one()


async def test_an_effect_and_its_offset_come_together_and_once(database: Database, offsets: SqlOffsets) -> None:
    epoch = await epoch_of(offsets)
    assert await take(offsets, event(0, epoch))
    assert not await take(offsets, event(0, epoch))
    assert await count(database) == 1
    assert await kept(offsets) == Finished(1)


async def test_what_breaks_between_effect_and_commit_leaves_neither(database: Database, offsets: SqlOffsets) -> None:
    epoch = await epoch_of(offsets)
    with pytest.raises(ZeroDivisionError):
        async with offsets.taking(event(0, epoch)) as on:
            assert on is not None
            await on.execute(effects.insert(), {"number": 0})
            raise ZeroDivisionError
    assert await count(database) == 0
    assert await kept(offsets) is None
    assert await take(offsets, event(0, await epoch_of(offsets)))
    assert await count(database) == 1


async def test_a_zombie_writes_nothing(database: Database, offsets: SqlOffsets) -> None:
    zombie, other = await epoch_of(offsets), SqlOffsets(database, table, "group")
    await take(offsets, event(0, zombie))
    owner = (await other.claim(LOG, [0]))[0]
    assert owner.finished == Finished(1)
    for attempt in (take(offsets, event(1, zombie)), offsets.finish(place(event(2, zombie)))):
        with pytest.raises(Fenced):
            await attempt
    with pytest.raises(Fenced):
        await offsets.restart(place(event(0, zombie)))
    assert await count(database) == 1
    assert await take(other, event(1, owner.epoch))
    assert await kept(offsets) == Finished(2)


def place(event: Event[JobControl]) -> Position:
    assert event.position is not None
    return event.position


async def test_whoever_claims_while_a_zombie_is_at_work_sees_what_it_wrote_or_fences_it(
    database: Database, offsets: SqlOffsets
) -> None:
    zombie, other = await epoch_of(offsets), SqlOffsets(database, table, "group")
    inside, claimed = asyncio.Event(), []

    async def slow() -> None:
        async with offsets.taking(event(0, zombie)) as on:
            assert on is not None
            inside.set()
            await asyncio.sleep(0.05)
            assert not claimed
            await on.execute(effects.insert(), {"number": 0})

    async def overtake() -> None:
        await inside.wait()
        claimed.append((await other.claim(LOG, [0]))[0])

    await asyncio.gather(slow(), overtake())
    assert claimed[0].finished == Finished(1)


async def test_records_of_other_keys_go_past_one_that_is_not_finished(offsets: SqlOffsets) -> None:
    epoch = await epoch_of(offsets)
    for offset in (1, 2, 5):
        assert await take(offsets, event(offset, epoch))
    claim = (await offsets.claim(LOG, [0]))[0]
    assert claim.finished is not None
    assert [offset for offset in range(7) if offset not in claim.finished] == [0, 3, 4, 6]
    assert not await take(offsets, event(2, claim.epoch))
    for offset in (0, 3, 4):
        assert await take(offsets, event(offset, claim.epoch))
    assert await kept(offsets) == Finished(6)


async def test_what_no_handler_wrote_is_finished_by_the_bus_once(offsets: SqlOffsets) -> None:
    epoch = await epoch_of(offsets)

    async def handled() -> None:
        await take(offsets, event(0, epoch))
        # The handler has done it: even a claim that came meanwhile changes nothing.
        await offsets.claim(LOG, [0])
        await offsets.finish(place(event(0, epoch)))

    await asyncio.create_task(handled(), context=contextvars.copy_context())
    epoch = await epoch_of(offsets)
    await offsets.finish(place(event(1, epoch)))
    assert await kept(offsets) == Finished(2)


async def test_another_broker_or_a_topic_made_anew_is_another_log_and_the_old_offsets_go(database: Database) -> None:
    told: list[LogId] = []

    async def on_discard(_: object, log: LogId) -> None:
        told.append(log)

    offsets = SqlOffsets(database, table, "group", on_discard)
    await take(offsets, event(0, await epoch_of(offsets)))
    assert told == []
    others = [LogId("other", "topic", LOG.topic), LogId("other", "anew", LOG.topic)]
    for log in others:
        assert await kept(offsets, log) is None
        await take(offsets, event(0, await epoch_of(offsets, log), log=log))
    assert told == others
    with pytest.raises(Fenced):
        await take(offsets, event(1, 1))


async def test_groups_and_partitions_are_apart(database: Database, offsets: SqlOffsets) -> None:
    claims = await offsets.claim(LOG, [0, 1])
    await take(offsets, event(0, claims[1].epoch, partition=1))
    assert [found.finished for found in (await offsets.claim(LOG, [0, 1])).values()] == [None, Finished(1)]
    assert await kept(SqlOffsets(database, table, "other")) is None


async def test_an_event_without_a_place_is_taken_without_an_offset(database: Database, offsets: SqlOffsets) -> None:
    bare = Event(topics.JOBS_CONTROL, JobControl(owner_id="o", job_id="j"), "id", "o", "/test")
    async with offsets.taking(bare) as on:
        assert on is not None
        await on.execute(effects.insert(), {"number": 1})
    assert await count(database) == 1


@pytest.mark.parametrize(
    ("ended", "bounds", "begins"),
    [
        ([], Bounds(0, 9), Finished(0)),
        ([], Bounds(4, 9), Finished(4)),
        ([0, 1], Bounds(0, 9), Finished(2)),
        ([0, 1], Bounds(0, 2), Finished(2)),
        ([0, 1, 5], Bounds(0, 9), Finished(2, ((5, 6),))),
        # The log is shorter than what was read of it.
        ([0, 1, 2], Bounds(0, 2), Finished(0)),
        ([0, 5], Bounds(1, 3), Finished(1)),
        # Its retention has been quicker than its reader.
        ([0, 1], Bounds(4, 9), Finished(4)),
    ],
)
async def test_reading_begins_where_the_log_and_what_is_kept_agree(
    offsets: SqlOffsets, ended: list[int], bounds: Bounds, begins: Finished
) -> None:
    epoch = await epoch_of(offsets)
    for offset in ended:
        await take(offsets, event(offset, epoch))

    async def bounds_of(partitions: object) -> dict[int, Bounds]:
        return {0: bounds}

    start = (await claim(offsets, LOG, [0], bounds_of))[0]
    assert start.finished == begins
    after = event(max(begins.next_offset, 8), start.epoch, since=begins.next_offset)
    if not begins.beyond:
        await take(offsets, after)
        assert await kept(offsets) == Finished(9 if begins.next_offset <= 8 else begins.next_offset + 1)
