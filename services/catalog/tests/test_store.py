"""What two events that come at the same time leave behind, on each database."""

from __future__ import annotations

import asyncio

from clipmill_catalog import store, tables
from clipmill_catalog.erasure import serial_for_video
from clipmill_catalog.store import ClipKey

from clipmill.catalog.v1.catalog_pb2 import Rendering
from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill_shared.sql import Database


async def test_the_second_half_of_a_clip_finds_the_first(sql_url: str) -> None:
    database, key, written = Database(sql_url), ClipKey("ada", "j1", "c1", "v1"), asyncio.Event()
    async with database.transaction() as on:
        await on.run_sync(tables.metadata.create_all)

    async def score() -> bool:
        async with database.transaction() as on:
            await serial_for_video(on, key.owner_id, key.video_id)
            is_whole = await store.add_scored(on, key, ScoredClip(), 1.0)
            written.set()
            await asyncio.sleep(0.1)
        return is_whole

    async def render() -> bool:
        await written.wait()
        async with database.transaction() as on:
            await serial_for_video(on, key.owner_id, key.video_id)
            return await store.add_rendering(on, key, Rendering(), 1.0)

    assert await asyncio.gather(score(), render()) == [False, True]
    await database.close()
