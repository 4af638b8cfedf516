"""What was served is what the same definitions measure again."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from scoring_world import ScoringWorld
from test_handlers import task_of

from clipmill import topics
from clipmill.clips.v1.clips_pb2 import ClipsScored, ScoredClips
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.models.v1.models_pb2 import Artefact, PinnedVersion
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill_shared.events import Event


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ScoringWorld]:
    features = (tmp_path / "features").as_uri()
    options = {"features_url": features, "features_logged_share": 1.0, "features_check_s": 0.05}
    async with ScoringWorld.running(tmp_path, owner="ann", **options) as world:
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
    scored = await chosen(world)
    found = await checked(world, scored)

    table = await world.blobs.get_message(scored.candidates, pb.CandidateTable)
    known = {column.name for column in table.features if not all(map(math.isnan, column.values))}
    assert known > {"pitch_range", "rate_variation", "music_share", "text_on_screen"}
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


async def checks(world: ScoringWorld, wanted: Callable[[pb.FeatureCheck], bool]) -> pb.FeatureCheck:
    """The check of the job that says what is wanted, when it has run by itself."""
    while True:
        found = await world.stub.ListFeatureChecks(pb.ListFeatureChecksRequest())
        for check in found.checks:
            if wanted(check):
                return check
        await asyncio.sleep(0.05)


async def test_what_was_served_is_checked_by_itself_and_is_the_same(world: ScoringWorld) -> None:
    scored = await chosen(world)
    await world.hear(topics.CLIPS_SCORED, scored, "scored", "ann")

    check = await checks(world, lambda check: check.found.values > 0)
    theirs = await world.stub.ListFeatureChecks(pb.ListFeatureChecksRequest(), metadata=(("owner", "eve"),))

    assert (check.job_id, check.error_code, check.found.candidates) == ("j", "", len(scored.clips))
    assert (check.found.mismatches, check.found.only_served, list(check.found.skipped)) == (0, 0, [])
    assert not theirs.checks


async def test_a_planted_difference_is_found_in_what_a_job_served(world: ScoringWorld) -> None:
    scored = await chosen(world)
    clips = await world.blobs.get_message(scored.scored, ScoredClips)
    hook = next(feature for feature in clips.clips[0].features if feature.name == "hook")
    hook.value += 1e-9
    scored.scored.CopyFrom(await world.blobs.put_message("ann", clips))
    await world.hear(topics.CLIPS_SCORED, scored, "scored", "ann")

    check = await checks(world, lambda check: check.found.mismatches > 0)

    ((feature, served),) = [(each.feature, each.served) for each in check.found.examples]
    assert (feature, served, check.found.mismatches) == ("hook", hook.value, 1)


async def test_a_planted_difference_is_found_in_what_is_served_later(world: ScoringWorld) -> None:
    scored = await chosen(world)
    table = await world.blobs.get_message(scored.candidates, pb.CandidateTable)
    for column in table.features:
        if column.name == "word_length":
            column.values[:] = [value + 0.5 for value in column.values]
    scored.candidates.CopyFrom(await world.blobs.put_message("ann", table))
    await world.hear(topics.CLIPS_SCORED, scored, "scored", "ann")
    right = await checks(world, lambda check: check.found.values > 0 and not check.found.mismatches)

    await world.rerank("ann", job_id="j")
    anew = await checks(world, lambda check: check.found.mismatches > 0)
    clips = [pb.ClipAt(clip_id=clip.clip_id) for clip in scored.clips]
    await world.stub.GetFeatures(pb.GetFeaturesRequest(entity="clip", clips=clips))
    stored = await checks(world, lambda check: check.at.ToNanoseconds() > anew.at.ToNanoseconds())

    assert right.at.ToNanoseconds() < anew.at.ToNanoseconds()
    for check in (anew, stored):
        assert {each.feature for each in check.found.examples} == {"word_length"}


async def test_what_cannot_be_measured_again_is_told_as_that(world: ScoringWorld) -> None:
    scored = await chosen(world)
    table = await world.blobs.get_message(scored.candidates, pb.CandidateTable)
    await world.blobs.delete(table.task.audio[0])
    await world.hear(topics.CLIPS_SCORED, scored, "scored", "ann")

    assert await checks(world, lambda check: check.error_code == "BLOB_MISSING")


async def test_a_job_is_measured_again_by_the_versions_that_it_pinned(world: ScoringWorld) -> None:
    scored = await chosen(world)
    table = await world.blobs.get_message(scored.candidates, pb.CandidateTable)
    gone = BlobRef(uri=f"blob:clipmill/blobs/00/{'0' * 64}", sha256="0" * 64, size_bytes=1)
    table.task.pinned.append(PinnedVersion(model="sentences", version="8", artefact=Artefact(blob=gone)))
    scored.candidates.CopyFrom(await world.blobs.put_message("ann", table))
    await world.hear(topics.CLIPS_SCORED, scored, "scored", "ann")

    # Not the package's version in its place, which measures otherwise.
    check = await checks(world, lambda _: True)
    assert check.error_code == "PINNED_VERSION_GONE"
