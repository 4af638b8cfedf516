"""Whatever order events come in, and however often, the catalog ends up the same."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path

import pytest
from catalog_world import CatalogWorld, JobEvents
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.catalog.v1 import catalog_pb2 as pb
from clipmill_shared.bus import Poison


async def what_is_kept(folder: Path, orders: list[int] | None) -> tuple[object, ...]:
    """All that a client sees, and what changes were told, after a job's events in an order of indices."""
    async with CatalogWorld.running(folder) as world:
        events = await JobEvents(world).all()
        await world.hear_of(*(events[i] for i in (range(len(events)) if orders is None else orders)))
        clips = await world.clips()
        transcript = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1"))
        await world.until(lambda: len(world.bus.events) >= 3)
        told = {(event.id, event.message.SerializeToString()) for event in world.bus.events}
        assert len(told) == len(world.bus.events)
        return [clip.SerializeToString() for clip in clips], transcript.SerializeToString(), told


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(range(7)), again=st.lists(st.integers(0, 6), max_size=7), seed=st.integers())
def test_the_order_and_the_number_of_events_change_nothing(order: list[int], again: list[int], seed: int):
    mixed = order + again
    random.Random(seed).shuffle(mixed)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        assert asyncio.run(what_is_kept(Path(one), mixed)) == asyncio.run(what_is_kept(Path(other), None))


async def test_a_clip_is_told_of_once_it_is_scored_and_rendered(world: CatalogWorld):
    job = JobEvents(world)
    await world.hear_of(await job.rendered("c1"))
    await asyncio.sleep(0.05)
    assert world.bus.events == []
    assert await world.clips() == []

    await world.hear_of(await job.scored("c1"))
    await world.until(lambda: world.bus.events)
    assert [event.message.kind for event in world.bus.events] == [pb.CatalogChange.KIND_CLIP_ADDED]
    assert [clip.scored.reason for clip in await world.clips()] == ["Why c1."]


async def test_a_clip_that_is_only_scored_has_no_rendering(world: CatalogWorld):
    await world.hear_of(await JobEvents(world).scored("c1"))
    (clip,) = await world.clips()
    assert not clip.HasField("rendering")


async def test_an_older_result_does_not_replace_a_newer_one(world: CatalogWorld):
    older, newer = JobEvents(world, at=1000), JobEvents(world, at=2000)
    await world.hear_of(await newer.heard(0, 50, "Newer words."), await older.heard(0, 50, "Older words."))
    await world.hear_of(await newer.ingested())
    response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1"))
    assert [word.text for word in response.words] == ["Newer", "words."]


async def test_an_event_that_speaks_for_another_owner_is_poison(world: CatalogWorld):
    event = await JobEvents(world).scored()
    event.message.task.owner_id = "eve"  # type: ignore[attr-defined]
    with pytest.raises(Poison):
        await world.hear_of(event)
    assert await world.clips() == []


async def test_halves_of_a_clip_that_come_at_the_same_time_are_told_of_once(world: CatalogWorld):
    jobs = [JobEvents(world, job_id=f"j{n}", video_id=f"v{n}") for n in range(10)]
    halves = [event for job in jobs for event in (await job.scored("c1"), await job.rendered("c1"))]
    await asyncio.gather(*(world.hear_of(half) for half in halves))
    assert len(await world.clips()) == 10
    await world.until(lambda: len(world.bus.events) >= 10)
    assert {event.message.video_id for event in world.bus.events} == {job.video_id for job in jobs}
