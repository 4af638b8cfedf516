"""What viewers do with clips moves how the next ones are ranked; and only that, once, for as long as it may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from clipmill_scoring import tables
from clipmill_scoring.domain import preferences as rules
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.service import MIGRATIONS
from scoring_world import LINES, ScoringWorld
from sqlalchemy import update

from clipmill.clips.v1.clips_pb2 import FeatureValue, Genre, ScoredClip
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill_shared.bus import Poison
from clipmill_shared.errors import ClipmillError
from clipmill_shared.schema import difference, migrate
from clipmill_shared.sql import Database

Kind = pb.EngagementEvent


@pytest.fixture
async def world(tmp_path: Path, sql_url: str) -> AsyncIterator[ScoringWorld]:
    async with ScoringWorld.running(tmp_path, sql_url) as world:
        yield world


def added_up(clip: ScoredClip) -> float:
    score = clip.base
    for feature in clip.features:
        score += feature.added
    return score


@pytest.mark.parametrize("metadata", [None, tables.metadata], ids=["by revisions", "at once"])
async def test_a_new_database_has_the_tables_of_the_code(sql_url: str, metadata: object) -> None:
    database = Database(sql_url)
    await migrate(MIGRATIONS, database, metadata)  # type: ignore[arg-type]
    assert await difference(database, tables.metadata) == []
    await database.close()


async def test_a_job_nobody_has_reacted_to_is_ranked_as_it_was(world: ScoringWorld) -> None:
    clips = await world.scored()

    found = await world.rerank()

    assert list(found.clips) == clips
    assert not found.learned.owner_events
    assert not any(feature.HasField("learned") for clip in found.clips for feature in clip.features)


async def test_what_is_kept_and_rejected_turns_the_ranking_and_says_so(world: ScoringWorld) -> None:
    clips = await world.scored()
    best, last = clips[0].head.clip_id, clips[-1].head.clip_id
    for _ in range(15):
        await world.engage(best, Kind.KIND_REJECT)
        await world.engage(last, Kind.KIND_KEEP)

    found = await world.rerank()
    order = [clip.head.clip_id for clip in found.clips]

    assert order.index(last) < order.index(best) if best in order else last in order
    assert found.learned.owner_events == 30
    for clip in found.clips:
        assert clip.head.score == added_up(clip)
        assert all(feature.HasField("learned") for feature in clip.features)
        assert any(feature.learned for feature in clip.features)
    plain = await world.rerank(plain=True)
    assert list(plain.clips) == clips


async def test_an_event_has_its_effect_once_however_often_it_is_sent(world: ScoringWorld) -> None:
    (clip, *_) = await world.scored()

    for _ in range(3):
        await world.engage(clip.head.clip_id, Kind.KIND_LIKE, name="the same")

    assert (await world.rerank()).learned.owner_events == 1


async def test_a_reset_forgets_the_owner_and_nobody_else(world: ScoringWorld) -> None:
    clips = await world.scored()
    for _ in range(5):
        await world.engage(clips[0].head.clip_id, Kind.KIND_REJECT)

    forgotten = await world.stub.ResetPreferences(pb.ResetPreferencesRequest())
    after = await world.stub.GetPreferences(pb.GetPreferencesRequest())

    assert forgotten.events_forgotten == 5
    assert (after.learned.owner_events, after.learned.all_events) == (0, 5)
    # All owners' preferences, which this owner has moved, are what a new one begins with.
    assert any(each.points != each.plain_points for each in after.preferences)


async def test_another_owner_sees_neither_the_job_nor_more_than_what_all_have_taught(world: ScoringWorld) -> None:
    clips = await world.scored()
    await world.engage(clips[0].head.clip_id, Kind.KIND_LIKE)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.rerank(owner="eve")
    theirs = await world.stub.GetPreferences(pb.GetPreferencesRequest(), metadata=(("owner", "eve"),))

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert (theirs.learned.owner_events, theirs.learned.all_events) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.KIND_UNSPECIFIED, 0), (Kind.KIND_COMPLETION, 7), (Kind.KIND_WATCH_TIME, -1)]
)
async def test_what_cannot_be_is_a_dead_letter(world: ScoringWorld, kind: int, value: float) -> None:
    clips = await world.scored()

    with pytest.raises(Poison):
        await world.engage(clips[0].head.clip_id, kind, value)  # type: ignore[arg-type]

    assert not (await world.rerank()).learned.all_events


async def test_a_clip_that_is_not_known_yet_is_tried_again(world: ScoringWorld) -> None:
    with pytest.raises(ClipmillError, match="no clip"):
        await world.engage("c0ffee", Kind.KIND_LIKE)


async def test_a_deleted_video_is_forgotten_also_by_what_comes_late(world: ScoringWorld) -> None:
    clips = await world.scored()
    await world.deleted("v1")

    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await world.rerank()
    with pytest.raises(ClipmillError):
        await world.engage(clips[0].head.clip_id, Kind.KIND_LIKE)

    assert gone.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_clip_that_only_the_new_ranking_chose_is_learnt_from_too(world: ScoringWorld) -> None:
    known = {clip.head.clip_id for clip in await world.scored()}
    more = (await world.rerank(clips=6, genre=Genre.GENRE_LECTURE)).clips
    new = next(clip.head.clip_id for clip in more if clip.head.clip_id not in known)

    await world.engage(new, Kind.KIND_LIKE)

    assert (await world.rerank()).learned.owner_events == 1


async def test_a_percentile_is_told_once_enough_outcomes_are_known(world: ScoringWorld) -> None:
    clips = []
    for number in range(11):
        clips += await world.scored(f"j{number}", f"v{number}")
    assert not (await world.rerank()).clips[0].HasField("percentile")

    for place, clip in enumerate(clips):
        await world.engage(clip.head.clip_id, Kind.KIND_COMPLETION, (place % 3) / 2)

    found = (await world.rerank()).clips
    assert len(clips) >= 30
    assert all(0 <= clip.percentile <= 100 for clip in found)


async def test_outcomes_stay_known_when_a_feature_is_added(world: ScoringWorld) -> None:
    names = list(WEIGHTS)[:-1]
    vectors = {}
    for number in range(11):
        for clip in await world.scored(f"j{number}", f"v{number}"):
            await world.engage(clip.head.clip_id, Kind.KIND_COMPLETION, number % 2)
            vectors[clip.head.clip_id] = rules.vector(names, {each.name: each.value for each in clip.features})
    # As they were written before the last feature came.
    database = Database(world.sql_url)
    async with database.transaction() as on:
        for clip_id, vector in vectors.items():
            old = {"names": " ".join(names), "vector": vector.tobytes()}
            await on.execute(update(tables.clips).where(tables.clips.c.clip_id == clip_id).values(old))
    await database.close()

    assert (await world.rerank()).clips[0].HasField("percentile")


async def test_what_counts_nothing_yet_counts_once_viewers_like_it(world: ScoringWorld) -> None:
    def of(clip: ScoredClip) -> FeatureValue:
        return next(feature for feature in clip.features if feature.name == "music_share")

    clips = [
        *await world.scored("j1", "v1", LINES * 5, music=((0.0, 1000.0),)),
        *await world.scored("j2", "v2", LINES * 5, music=()),
    ]
    assert {(of(clip).value, of(clip).added) for clip in clips} == {(1.0, 0.0), (0.0, 0.0)}

    for clip in clips * 5:
        await world.engage(clip.head.clip_id, Kind.KIND_KEEP if of(clip).value else Kind.KIND_REJECT)

    taught = await world.stub.GetPreferences(pb.GetPreferencesRequest())
    points = {each.feature: each.points for each in taught.preferences}
    heard = of((await world.rerank()).clips[0])
    theirs = of((await world.rerank(job_id="j2")).clips[0])
    assert points["music_share"] > 1
    assert heard.added == heard.learned == pytest.approx(points["music_share"], abs=0.01)
    assert theirs.learned < 0


async def test_a_clip_is_compared_with_the_passages_of_its_owners_other_videos(world: ScoringWorld) -> None:
    await world.scored(lines=LINES * 5)
    assert not (await world.rerank()).clips[0].HasField("in_others")

    dull = await world.scored("j2", "v2", LINES[2:3] * 30)
    await world.scored("j3", "v2", LINES[2:3] * 30)
    await world.scored("j4", "v3", LINES * 6)
    await world.scored("j5", "v4", LINES * 6, formula="older")

    best = (await world.rerank()).clips[0]
    of_dull = (await world.rerank(job_id="j2")).clips[0]
    assert best.in_video.videos == 1 and best.in_video.passages == (await world.rerank()).candidates
    # Of each other video once, by its last job; those that another formula measured are not compared with.
    assert best.in_others.videos == 2 and best.in_others.passages > best.in_video.passages
    assert dull[0].head.score < best.head.score and of_dull.in_others.percent < best.in_others.percent

    await world.deleted("v2")
    await world.deleted("v3")
    assert not (await world.rerank()).clips[0].HasField("in_others")


@pytest.mark.parametrize(("request_", "code"), [({"genre": 99}, "99"), ({"clips": 5000}, "5000")])
async def test_what_cannot_be_asked_is_refused(world: ScoringWorld, request_: dict, code: str) -> None:
    await world.scored()

    with pytest.raises(grpc.aio.AioRpcError, match=code) as refused:
        await world.rerank(**request_)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_became_of_clips_is_exported_as_a_training_set_of_the_owner_alone(world: ScoringWorld) -> None:
    clips = await world.scored()
    await world.engage(clips[0].head.clip_id, Kind.KIND_COMPLETION, 0.75)

    found = await world.stub.ExportOutcomes(pb.ExportOutcomesRequest())
    others = await world.stub.ExportOutcomes(pb.ExportOutcomesRequest(), metadata=(("owner", "eve"),))

    table = await world.blobs.get_message(found.outcomes, pb.OutcomeTable)
    assert (found.clips, list(table.good), list(table.weight)) == (1, [0.75], [1.0])
    assert len(table.vectors) == len(table.names) + 1 and table.vectors[0] == 1.0
    assert others.clips == 0
