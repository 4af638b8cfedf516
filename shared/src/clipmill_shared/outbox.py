"""The transactional outbox: a write to SQL and to the bus is one act.

Events are rows written in the transaction of the change that they tell of; a relay publishes them in the order in
which they were written and deletes each after the bus has stored it. A crash in between publishes again, with the
same id. Transactions that run side by side (PostgreSQL) may be committed in another order than they wrote: those that
concern one key are to come one after another, by a lock on its row, or by being `serial`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
from google.protobuf.message import Message
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Row, String, Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill_shared import metrics
from clipmill_shared.bus import Bus, tracing
from clipmill_shared.events import Event
from clipmill_shared.sql import Database, after_commit
from clipmill_shared.waiting import is_absence

log = structlog.get_logger()
MAX_EVENT_BYTES = 64 << 10
BATCH = 200
# Looks for what other processes wrote, and for what a failed publish left.
IDLE_S = 1.0
_TOPICS = {topic.name: topic for topic in topics.ALL}


def outbox_table(metadata: MetaData) -> Table:
    """Add the outbox to a service's tables. Its migration creates the same columns."""
    return Table(
        "outbox",
        metadata,
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("topic", String(100), nullable=False),
        Column("id", String(64), nullable=False),
        Column("owner_id", String(200), nullable=False),
        Column("source", String(200), nullable=False),
        Column("time_us", BigInteger, nullable=False),
        Column("traceparent", String(64)),
        Column("message", LargeBinary, nullable=False),
    )


class Outbox:
    """Takes events inside transactions of `database`, and relays them to `bus` once those are committed."""

    def __init__(self, database: Database, table: Table, bus: Bus) -> None:
        self._database = database
        self._table = table
        self._bus = bus
        self._written = asyncio.Event()
        # A schema's role has its name; a file has its own.
        self._attributes = {"database": database.url.username or Path(database.url.database or "").stem}

    async def add(self, connection: AsyncConnection, *events: Event[Message]) -> None:
        """Publish `events` if and when the transaction of `connection` is committed.

        ValueError for an event that the bus would refuse: without key or owner, or over 64 KiB.
        """
        if not events:
            return
        await connection.execute(self._table.insert(), [_row(event) for event in events])
        after_commit(connection, self._written.set)

    async def relay(self) -> None:
        """Publish what is written, at once, until cancelled. One relay at a time works on a database."""
        async with self._database.exclusive("outbox"):
            while True:
                self._written.clear()
                try:
                    while await self._relay_batch():
                        pass
                except Exception as error:
                    # The rows are safe; the bus or the database comes back.
                    metrics.OUTBOX_FAILED.add(1, self._attributes)
                    trace = None if is_absence(error) else error
                    log.warning("the outbox could not be relayed; trying again", error=repr(error), exc_info=trace)
                    await asyncio.sleep(IDLE_S)
                    continue
                # Not wait_for: in Python 3.11 it loses a cancel that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._written.wait()

    async def _relay_batch(self) -> bool:
        """Publish the oldest rows, then delete them; True when there may be more."""
        async with self._database.reading() as connection:
            query = select(self._table).order_by(self._table.c.position).limit(BATCH)
            rows = (await connection.execute(query)).all()
        metrics.OUTBOX_WAITING.set(len(rows), self._attributes)
        if not rows:
            return False
        # Outside of any transaction: a full bus makes this wait, and its handlers need the database to go on.
        await self._bus.publish(*(_event(row) for row in rows))
        async with self._database.transaction() as connection:
            done = delete(self._table).where(self._table.c.position.in_([row.position for row in rows]))
            await connection.execute(done)
        return len(rows) == BATCH


def _row(event: Event[Message]) -> dict[str, object]:
    content = event.message.SerializeToString()
    if not event.key or not event.owner_id:
        raise ValueError(f"{event.topic.name}: an event needs an owner")
    if len(content) > MAX_EVENT_BYTES:
        raise ValueError(f"{event.topic.name}: an event of {len(content)} bytes; put what is large into a blob")
    return {
        "topic": event.topic.name,
        "id": event.id,
        "owner_id": event.owner_id,
        "source": event.source,
        "time_us": round(event.time.timestamp() * 1e6),
        # The relay runs outside of the trace that it is about.
        "traceparent": event.traceparent or tracing.traceparent(),
        "message": content,
    }


def _event(row: Row[tuple[object, ...]]) -> Event[Message]:
    topic = _TOPICS[row.topic]
    return Event(
        topic,
        topic.message.FromString(row.message),
        row.id,
        row.owner_id,
        row.source,
        datetime.fromtimestamp(row.time_us / 1e6, UTC),
        row.traceparent,
    )
