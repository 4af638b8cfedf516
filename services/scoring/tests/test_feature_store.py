"""Features of scored jobs are kept, found at any time, set apart where they cannot be, and erased with their video."""

from __future__ import annotations

import math
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import duckdb
import grpc
import pytest
from clipmill_scoring.domain.features.registry import BY_NAME, FEATURES
from clipmill_scoring.feature_store.configured import source
from clipmill_scoring.feature_store.offline import Offline
from clipmill_scoring.feature_store.online import MemoryOnline
from clipmill_scoring.feature_store.store import FeatureStore
from scoring_world import ScoringWorld

from clipmill import topics
from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill.scoring.v1 import scoring_pb2 as pb

Status = pb.KnownFeature


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ScoringWorld]:
    async with ScoringWorld.running(tmp_path, features_url=(tmp_path / "features").as_uri()) as world:
        yield world


async def asked(
    world: ScoringWorld, clips: list[pb.ClipAt], entity: str = "clip", owner: str = "ada", **more: object
) -> list[dict[str, pb.KnownFeature]]:
    request = pb.GetFeaturesRequest(entity=entity, clips=clips, **more)  # type: ignore[arg-type]
    answer = await world.stub.GetFeatures(request, metadata=(("owner", owner),))
    return [{feature.name: feature for feature in each.features} for each in answer.clips]


def at(clip: ScoredClip, time_s: float | None = None, video_id: str = "v1") -> pb.ClipAt:
    asked = pb.ClipAt(video_id=video_id, clip_id=clip.head.clip_id)
    if time_s is not None:
        asked.at.FromNanoseconds(int(time_s * 1e9))
    return asked


def files(folder: Path) -> list[str]:
    root = folder / "features"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.parquet"))


def made(feature: str, change: Callable[[float], float]) -> Callable[[pb.CandidateTable], None]:
    """The first candidate's value of a feature, changed."""

    def changed(table: pb.CandidateTable) -> None:
        column = next(column for column in table.features if column.name == feature)
        for k, value in enumerate(column.values):
            column.values[k] = change(value)

    return changed


async def test_a_clips_features_are_at_hand_as_they_were_scored(world: ScoringWorld) -> None:
    (clip, *_) = await world.scored()

    (now,) = await asked(world, [pb.ClipAt(clip_id=clip.head.clip_id)])

    assert set(now) >= {feature.name for feature in FEATURES}
    told = {feature.name: feature.value for feature in clip.features}
    assert {name: each.value for name, each in now.items() if each.status == Status.STATUS_KNOWN} == told
    hook = now["hook"]
    assert (hook.unit, hook.version, hook.job_id) == ("share", BY_NAME["hook"].version, "j1")
    assert 0 <= hook.age_s < 60
    assert now["face_share"].status == Status.STATUS_UNKNOWN and not now["face_share"].HasField("value")
    assert now["about"].status == Status.STATUS_MISSING


async def test_at_a_time_it_is_what_was_known_then(world: ScoringWorld) -> None:
    before_s = time.time()
    (clip, *_) = await world.scored("j1")
    between_s = time.time()
    await world.scored("j2", change=made("hook", lambda value: value / 2))
    moments = [None, time.time(), between_s, before_s]

    found = await asked(world, [at(clip, moment) for moment in moments], features=["hook"])

    hooks = [each["hook"] for each in found]
    value = next(feature.value for feature in clip.features if feature.name == "hook")
    assert [hook.job_id for hook in hooks] == ["j2", "j2", "j1", ""]
    assert [hook.value for hook in hooks] == [value / 2, value / 2, value, 0]
    assert hooks[3].status == Status.STATUS_MISSING


async def test_past_its_time_to_live_a_value_is_expired_and_its_age_is_told(world: ScoringWorld) -> None:
    (clip, *_) = await world.scored()

    (late,) = await asked(world, [at(clip, time.time() + 91 * 86_400)], features=["hook"])

    assert late["hook"].status == Status.STATUS_EXPIRED and not late["hook"].HasField("value")
    assert late["hook"].age_s == pytest.approx(91 * 86_400, abs=60)


async def test_any_tool_reads_the_files(world: ScoringWorld, tmp_path: Path) -> None:
    clips = await world.scored()

    query = f"FROM read_parquet('{tmp_path}/features/entity=*/*/*/*.parquet', hive_partitioning = true)"
    rows = duckdb.sql(
        f"SELECT feature, value, version, job_id {query} WHERE entity = 'clip' AND owner_id = 'ada' "
        f"AND video_id = 'v1' AND clip_id = '{clips[0].head.clip_id}' AND value IS NOT NULL ORDER BY feature"
    ).fetchall()
    times = duckdb.sql(f"SELECT min(created_time - event_time), typeof(min(event_time)) {query}").fetchall()
    candidates = duckdb.sql(f"SELECT count(DISTINCT clip_id) {query} WHERE entity = 'candidate'").fetchall()

    assert rows == [(f.name, f.value, f.version, "j1") for f in sorted(clips[0].features, key=lambda f: f.name)]
    assert times[0][1] == "TIMESTAMP WITH TIME ZONE"
    assert candidates[0][0] > len(clips)


async def test_the_same_result_again_changes_nothing(world: ScoringWorld, tmp_path: Path) -> None:
    await world.scored()
    before = {name: (tmp_path / "features" / name).read_bytes() for name in files(tmp_path)}
    await world.scored()

    assert before == {name: (tmp_path / "features" / name).read_bytes() for name in files(tmp_path)}


async def test_what_another_process_took_meanwhile_keeps_its_features(world: ScoringWorld, tmp_path: Path) -> None:
    await world.scored()
    kept = files(tmp_path)
    for name in kept:
        (tmp_path / "features" / name).unlink()
    # The same record once more, after another has taken it: what is written anew is that one's.
    world.offsets[topics.CLIPS_SCORED.name] -= 1
    await world.scored()

    assert files(tmp_path) == kept


async def test_a_value_out_of_its_range_is_a_dead_letter_and_the_one_before_holds(
    world: ScoringWorld, tmp_path: Path
) -> None:
    (clip, *_) = await world.scored("j1")
    await world.scored("j2", change=made("hook", lambda value: value + 7))

    (now,) = await asked(world, [at(clip)], features=["hook", "energy"])
    (then,) = await asked(world, [at(clip, time.time())], features=["hook"])
    letters = duckdb.sql(
        f"SELECT feature, reason, min(value), count(*) FROM '{tmp_path}/features/dead_letters/*/*/j2.parquet' "
        "GROUP BY ALL"
    ).fetchall()

    assert (now["hook"].job_id, now["hook"].status, then["hook"].job_id) == ("j1", Status.STATUS_KNOWN, "j1")
    ((feature, reason, least, count),) = letters
    assert (feature, reason) == ("hook", "OUT_OF_RANGE")
    assert least >= 7 and count > 3


@pytest.mark.parametrize("value", [math.inf, -math.inf])
async def test_what_is_no_number_is_no_value(world: ScoringWorld, tmp_path: Path, value: float) -> None:
    await world.scored(change=made("questions", lambda _: value))

    assert any(name.startswith("dead_letters/") for name in files(tmp_path))


async def test_a_deleted_video_leaves_nothing_also_of_what_comes_late(world: ScoringWorld, tmp_path: Path) -> None:
    (clip, *_) = await world.scored("j1", change=made("hook", lambda _: 7))
    await world.scored("j2", "v2")
    await world.deleted("v1")
    late = world.offsets.copy()
    assert late

    left = files(tmp_path)
    (now,) = await asked(world, [at(clip)])

    assert left and all("video_id=v2" in name for name in left)
    assert {each.status for each in now.values()} == {Status.STATUS_MISSING}


async def test_a_result_of_a_video_that_was_deleted_meanwhile_is_not_kept(world: ScoringWorld, tmp_path: Path) -> None:
    scored_at_s = time.time()
    await world.deleted("v1")

    await world.scored(at_s=scored_at_s)

    assert files(tmp_path) == []


async def test_a_deleted_video_leaves_nothing_also_of_what_is_kept_no_more(world: ScoringWorld, tmp_path: Path) -> None:
    await world.scored()
    only_clips = tmp_path / "features.yaml"
    only_clips.write_text("entities: {clip: {features: all, ttl_d: 90}}")
    folder = tmp_path / "later"
    folder.mkdir()

    url = (tmp_path / "features").as_uri()
    async with ScoringWorld.running(folder, features_url=url, features_file=only_clips) as later:
        await later.deleted("v1")

    assert files(tmp_path) == []


async def test_what_is_too_old_goes_and_what_is_not_the_stores_stays(world: ScoringWorld, tmp_path: Path) -> None:
    await world.scored()
    (tmp_path / "features" / "notes.txt").write_text("not of the store")
    store = FeatureStore(source(None), Offline((tmp_path / "features").as_uri(), tmp_path), MemoryOnline(), keep_d=0)

    await store.prune()

    assert files(tmp_path) == []
    assert (tmp_path / "features" / "notes.txt").exists()


async def test_another_owner_sees_nothing(world: ScoringWorld) -> None:
    (clip, *_) = await world.scored()

    (theirs,) = await asked(world, [at(clip)], owner="eve")

    assert {each.status for each in theirs.values()} == {Status.STATUS_MISSING}


@pytest.mark.parametrize(
    ("entity", "more", "what"),
    [
        ("shot", {}, "Nothing is kept of 'shot'"),
        ("clip", {"features": ["charm"]}, "No feature 'charm'"),
        ("clip", {"clips": 1001}, "1001 clips of 1 videos are too many"),
    ],
)
async def test_what_cannot_be_asked_is_refused(world: ScoringWorld, entity: str, more: dict, what: str) -> None:
    clips = [pb.ClipAt(video_id="v1", clip_id=str(k)) for k in range(more.pop("clips", 1))]

    with pytest.raises(grpc.aio.AioRpcError, match=what):
        await asked(world, clips, entity, **more)


async def test_where_none_are_kept_it_is_said(tmp_path: Path) -> None:
    async with ScoringWorld.running(tmp_path) as world:
        with pytest.raises(grpc.aio.AioRpcError, match="No features are kept here"):
            await asked(world, [pb.ClipAt(clip_id="c")])


async def test_the_documented_query_finds_what_the_service_says_was_known(world: ScoringWorld, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "features.md").read_text("utf-8")
    query = re.search(r"```sql\n(.*?)```", text, re.DOTALL)
    assert query
    before_s = time.time()
    (clip, *_) = await world.scored("j1")
    between_s = time.time()
    await world.scored("j2", change=made("hook", lambda value: value / 2))
    moments = (before_s, between_s, time.time())

    with duckdb.connect() as database:
        database.execute("CREATE TABLE labels (clip_id VARCHAR, at_time TIMESTAMPTZ)")
        for moment in moments:
            database.execute("INSERT INTO labels VALUES (?, to_timestamp(?))", [clip.head.clip_id, moment])
        there = query[1].replace("'features/", f"'{tmp_path}/features/")
        rows = database.execute(f"SELECT feature, value FROM ({there})").fetchall()
    served = await asked(world, [at(clip, moment) for moment in moments])

    expected = [
        (name, each.value if each.HasField("value") else None)
        for answer in served
        for name, each in answer.items()
        if each.status != Status.STATUS_MISSING
    ]
    assert len(rows) > 60
    assert sorted(map(repr, expected)) == sorted(map(repr, rows))
