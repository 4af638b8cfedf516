"""Offsets that a group keeps with its state decide what it reads, on every bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from contract.backends import ORDERED, Backend, request, until
from sqlalchemy import Column, MetaData, String, Table, select

from clipmill_shared.bus import Poison, Subscription
from clipmill_shared.bus.contract import LogId
from clipmill_shared.events import Event
from clipmill_shared.offsets import SqlOffsets, offsets_table
from clipmill_shared.sql import Database

metadata = MetaData()
table = offsets_table(metadata)
effects = Table("effects", metadata, Column("id", String(100), nullable=False))


class Stateful:
    """A service with state: writes down each event's id with its offset. Some fail, before or after that."""

    def __init__(self, database: Database) -> None:
        self.offsets = SqlOffsets(database, table, "stateful")
        self.database = database
        self.begun: list[str] = []
        self.done: list[str] = []
        self.poison: set[str] = set()
        self.fails_after: dict[str, int] = {}
        self.held: dict[str, asyncio.Event] = {}

    @property
    def subscription(self) -> Subscription:
        return Subscription(ORDERED, "stateful", self, offsets=self.offsets)

    async def __call__(self, event: Event[Any]) -> Sequence[Event[Any]]:
        self.begun.append(event.id)
        if event.id in self.poison:
            raise Poison("meant so")
        if event.id in self.held:
            await self.held[event.id].wait()
        async with self.offsets.taking(event) as on:
            if on is not None:
                await on.execute(effects.insert(), {"id": event.id})
        if self.fails_after.get(event.id, 0) >= event.attempt:
            raise RuntimeError("meant so")
        self.done.append(event.id)
        return ()

    async def effects(self) -> list[str]:
        async with self.database.reading() as on:
            return sorted((await on.execute(select(effects.c.id))).scalars())


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    async with database.transaction() as on:
        await on.run_sync(metadata.create_all)
    yield database
    await database.close()


async def test_a_handler_that_fails_after_its_commit_has_its_effect_once(backend: Backend, database: Database) -> None:
    service, bus = Stateful(database), backend.bus()
    service.fails_after["ann-1"] = 2
    async with bus.run(service.subscription):
        await bus.publish(*(request("ann", n) for n in range(3)))
        await until(lambda: len(service.done) == 3)
    assert service.begun == ["ann-0", "ann-1", "ann-1", "ann-1", "ann-2"]
    assert await service.effects() == ["ann-0", "ann-1", "ann-2"]


async def test_after_a_restart_what_is_finished_is_not_even_handed_out_whatever_lies_before_it(
    backend: Backend, database: Database
) -> None:
    before, bus = Stateful(database), backend.bus()
    before.held["ann-0"] = asyncio.Event()
    # Enough keys for some to share ann's partition.
    others = [request(f"bob{key}", n) for key in range(12) for n in range(2)]
    before.poison |= {event.id for event in others if event.id.endswith("-0")}
    async with bus.run(before.subscription):
        await bus.publish(request("ann", 0), request("ann", 1), *others)
        await until(lambda: len(before.done) == 12)
        await backend.dead_letters(ORDERED, 12)
    after, bus = Stateful(database), backend.bus()
    async with bus.run(after.subscription):
        await until(lambda: len(after.done) == 2)
    assert after.begun == ["ann-0", "ann-1"]
    assert await after.effects() == sorted(["ann-0", "ann-1", *(f"bob{key}-1" for key in range(12))])


async def test_who_is_overtaken_writes_nothing_and_begins_again_where_the_other_left(
    backend: Backend, database: Database
) -> None:
    service, bus = Stateful(database), backend.bus()
    service.held["ann-0"] = asyncio.Event()
    async with bus.run(service.subscription):
        await bus.publish(*(request("ann", n) for n in range(3)))
        await until(lambda: "ann-0" in service.begun)
        async with database.reading() as on:
            row = (
                await on.execute(select(table).where(table.c.next_offset < 0, table.c.topic == ORDERED.name))
            ).first()
        assert row is not None
        everything = range(ORDERED.partitions)
        await SqlOffsets(database, table, "stateful").claim(LogId(row.cluster_id, row.topic_id, row.topic), everything)
        service.held["ann-0"].set()
        await until(lambda: service.done == ["ann-0", "ann-1", "ann-2"])
    assert await service.effects() == ["ann-0", "ann-1", "ann-2"]
