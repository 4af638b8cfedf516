"""How far a group has read a topic, kept in the database of the service that reads it.

A service's state and the offset of the event that changed it are one transaction: after any crash either both are there
or neither, so a redelivered event has its effect once. Kafka's own commits go on beside it and only say what lags.
"""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill_shared.bus.contract import Claim, Fenced, LogId
from clipmill_shared.bus.finished import Finished
from clipmill_shared.events import Event, Position
from clipmill_shared.sql import Database

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

# The next offset of a partition of which nothing has been finished.
NEVER = -1
_KEY = ("cluster_id", "topic_id", "partition", "group_name")
OnDiscard = Callable[[AsyncConnection, LogId], Awaitable[None]]
# The record whose offset the handler that runs here has written: the bus need not write it again.
_taken: contextvars.ContextVar[Position | None] = contextvars.ContextVar("taken", default=None)


def offsets_table(metadata: MetaData) -> Table:
    """Add the offsets to a service's tables. Its migration creates the same columns."""
    return Table(
        "offsets",
        metadata,
        Column("cluster_id", String(64), primary_key=True),
        Column("topic_id", String(64), primary_key=True),
        Column("partition", Integer, primary_key=True),
        Column("group_name", String(100), primary_key=True),
        Column("topic", String(249), nullable=False),
        # Counts claims: who writes under an older one is a zombie.
        Column("epoch", BigInteger, nullable=False),
        Column("next_offset", BigInteger, nullable=False),
        Column("beyond", Text, nullable=False),
    )


class SqlOffsets:
    """A group's offsets in a table of `database`: `Offsets` for the bus, `taking` for handlers.

    `on_discard` is called within the transaction that finds a topic's log to be another than the one that was read
    (the broker was wiped or replaced, the topic made anew): records that it had and nobody read are gone. It is called
    again by each process that finds so at the same time; what it does must bear that.
    """

    def __init__(self, database: Database, table: Table, group: str, on_discard: OnDiscard | None = None) -> None:
        self._database = database
        self._table = table
        self._group = group
        self._on_discard = on_discard

    @asynccontextmanager
    async def taking(self, event: Event[Any]) -> AsyncIterator[AsyncConnection | None]:
        """A writing transaction that also finishes the event's record; None when the record is finished already.

        Fenced, with nothing written, when another has claimed the partition since the event was delivered. An event
        from a subscription without offsets is taken without one.
        """
        place = event.position
        async with self._database.transaction() as on:
            if place is None or place.epoch == 0:
                yield on
                return
            yield on if await self._finish(on, place) else None
        _taken.set(place)

    async def claim(self, log: LogId, partitions: Collection[int]) -> Mapping[int, Claim]:
        """See Offsets."""
        async with self._database.transaction() as on:
            await self._discard_others(on, log)
            return await self._claim(on, log, sorted(partitions))

    async def finish(self, position: Position) -> None:
        """See Offsets."""
        if _taken.get() == position:
            return
        async with self._database.transaction() as on:
            await self._finish(on, position)

    async def restart(self, position: Position) -> None:
        """See Offsets."""
        async with self._database.transaction() as on:
            await self._locked(on, position)
            await self._update(on, position, Finished(position.offset))

    async def _claim(self, on: AsyncConnection, log: LogId, partitions: Sequence[int]) -> dict[int, Claim]:
        table = self._table
        here = {"cluster_id": log.cluster_id, "topic_id": log.topic_id, "group_name": self._group}
        new = {**here, "topic": log.topic, "epoch": 0, "next_offset": NEVER, "beyond": ""}
        rows = [{**new, "partition": partition} for partition in partitions]
        await on.execute(_insert(on, table).values(rows).on_conflict_do_nothing())
        claimed = (
            update(table)
            .where(*(table.c[name] == value for name, value in here.items()), table.c.partition.in_(partitions))
            .values(epoch=table.c.epoch + 1)
            .returning(table.c.partition, table.c.epoch, table.c.next_offset, table.c.beyond)
        )
        return {
            row.partition: Claim(row.epoch, _finished(row.next_offset, row.beyond)) for row in await on.execute(claimed)
        }

    async def _discard_others(self, on: AsyncConnection, log: LogId) -> None:
        """Forget what was read of other logs of the same topic, and tell of it."""
        table = self._table
        ours = and_(table.c.group_name == self._group, table.c.topic == log.topic)
        others = and_(ours, tuple_(table.c.cluster_id, table.c.topic_id) != (log.cluster_id, log.topic_id))
        gone = (await on.execute(delete(table).where(others))).rowcount
        if gone and self._on_discard is not None:
            await self._on_discard(on, log)

    async def _locked(self, on: AsyncConnection, place: Position) -> Finished:
        """What is finished of the position's partition, locked. Fenced unless the claim still holds."""
        table = self._table
        query = select(table.c.epoch, table.c.next_offset, table.c.beyond).where(self._at(place)).with_for_update()
        row = (await on.execute(query)).one_or_none()
        if row is None or row.epoch != place.epoch:
            raise Fenced(f"{place} has been claimed by another")
        return _finished(row.next_offset, row.beyond) or Finished()

    async def _finish(self, on: AsyncConnection, place: Position) -> bool:
        """Note, in this transaction, that a record is finished; False when it was. Fenced unless the claim holds."""
        since, end = min(place.since, place.offset), place.offset + 1
        table = self._table
        # Records that end in the order of the log, as most do, cost one statement.
        is_next = and_(table.c.epoch == place.epoch, table.c.next_offset == since, table.c.beyond == "")
        if (await on.execute(update(table).where(self._at(place), is_next).values(next_offset=end))).rowcount == 1:
            return True
        finished = await self._locked(on, place)
        if place.offset in finished:
            return False
        await self._update(on, place, finished.with_span(since, end))
        return True

    async def _update(self, on: AsyncConnection, place: Position, finished: Finished) -> None:
        table = self._table
        values = {"next_offset": finished.next_offset, "beyond": finished.encoded_beyond()}
        same = and_(self._at(place), table.c.epoch == place.epoch)
        if (await on.execute(update(table).where(same).values(values))).rowcount != 1:
            raise Fenced(f"{place} has been claimed by another")

    def _at(self, place: Position) -> ColumnElement[bool]:
        key = (place.cluster_id, place.topic_id, place.partition, self._group)
        return and_(*(self._table.c[name] == value for name, value in zip(_KEY, key, strict=True)))


def _finished(next_offset: int, beyond: str) -> Finished | None:
    return None if next_offset == NEVER else Finished.decoded(next_offset, beyond)


def _insert(on: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if on.dialect.name == "sqlite":
        return sqlite.insert(table)
    # Only a cluster pays for its import.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
