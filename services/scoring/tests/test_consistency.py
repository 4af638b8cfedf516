"""What was served is what the same definitions measure again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from scoring_world import ScoringWorld
from test_handlers import task_of

from clipmill import topics
from clipmill.clips.v1.clips_pb2 import ClipsScored
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill_shared.events import Event


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ScoringWorld]:
    async with ScoringWorld.running(tmp_path, owner="ann") as world:
        yield world


async def chosen(world: ScoringWorld) -> ClipsScored:
    """A task that the service itself has answered."""
    task = await task_of(world.blobs, clips=2, min_s=2, max_s=9)
    task.task.lease_until.FromSeconds(int(time.time()) + 60)
    handler = world.bus.subscriptions[topics.SCORING_TASKS.name].handler
    (result,) = await handler(Event(topics.SCORING_TASKS, task, "e", "ann", "/test"))
    message: ClipsScored = result.message
    return message


async def checked(world: ScoringWorld, scored: ClipsScored) -> pb.CheckFeaturesResponse:
    await world.hear(topics.CLIPS_SCORED, scored, f"scored-{time.time_ns()}", "ann")
    response: pb.CheckFeaturesResponse = await world.stub.CheckFeatures(pb.CheckFeaturesRequest(job_id="j"))
    return response


async def test_served_features_come_out_the_same_to_the_last_bit(world: ScoringWorld) -> None:
    found = await checked(world, await chosen(world))

    assert found.candidates > 2
    assert found.values >= 20 * found.candidates
    assert (found.mismatches, found.only_served, found.only_recomputed, list(found.skipped)) == (0, 0, 0, [])


async def test_what_differs_is_told_and_what_is_measured_otherwise_is_left_out(world: ScoringWorld) -> None:
    scored = await chosen(world)
    table = await world.blobs.get_message(scored.candidates, pb.CandidateTable)
    columns = {column.name: column for column in table.features}
    columns["questions"].values[1] += 1e-9
    columns["hook"].version += 1
    table.start_s[0] += 0.5
    scored.candidates.CopyFrom(await world.blobs.put_message("ann", table))

    found = await checked(world, scored)

    assert [example.feature for example in found.examples] == ["questions"]
    assert found.examples[0].served - found.examples[0].recomputed == pytest.approx(1e-9)
    assert list(found.skipped) == ["hook"]
    assert (found.mismatches, found.only_served, found.only_recomputed) == (1, 1, 1)
