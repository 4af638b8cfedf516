"""`clipmill rescore` and `clipmill preferences`, as users run them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from scoring_world import ScoringWorld

from clipmill.clips.v1.clips_pb2 import ScoredClip, Standing
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill_cli.preferences import better_than

COMMAND = Path(sys.executable).parent / "clipmill"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ScoringWorld]:
    async with ScoringWorld.running(tmp_path) as world:
        yield world


async def said(world: ScoringWorld, *args: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        COMMAND, *args, "--address", world.address, env=os.environ | {"COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_what_was_learnt_is_shown_used_and_forgotten(world: ScoringWorld) -> None:
    clips = await world.scored()
    await world.engage(clips[0].head.clip_id, pb.EngagementEvent.KIND_REJECT)

    code, told, _ = await said(world, "preferences")
    assert code == 0
    assert told.startswith("1 events of yours, 1 of all owners.")
    assert "hook" in told

    code, ranked, _ = await said(world, "rescore", "j1", "--json")
    first = json.loads(ranked.splitlines()[0])
    assert code == 0
    assert first["head"]["score"] == (await world.rerank()).clips[0].head.score
    assert any(feature.get("learned") for feature in first["features"])

    code, table, _ = await said(world, "rescore", "j1", "--genre", "story")
    assert code == 0
    assert "Learnt" in table

    assert (await said(world, "preferences", "--reset"))[:2] == (0, "Forgot what 1 events had taught.\n")


IN_VIDEO, IN_OTHERS = Standing(percent=99.9, passages=1020, videos=1), Standing(percent=93, passages=2140, videos=12)


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        (ScoredClip(percentile=80, in_video=IN_VIDEO, in_others=IN_OTHERS), "80 % of clips that were watched"),
        (ScoredClip(in_video=IN_VIDEO, in_others=IN_OTHERS), "93 % of 2,140 passages of 12 other videos"),
        (ScoredClip(in_video=IN_VIDEO), "99 % of this video"),
        (ScoredClip(), ""),
    ],
)
def test_a_clip_is_compared_with_what_says_most(clip: ScoredClip, words: str) -> None:
    assert better_than(clip) == words


async def test_a_job_that_is_not_there_is_told_so(world: ScoringWorld) -> None:
    code, _, err = await said(world, "rescore", "j404")

    assert code != 0
    assert "No candidates are kept of a job j404" in err


async def test_features_are_shown_with_their_age_and_checked_by_command(tmp_path: Path) -> None:
    options = {"features_url": (tmp_path / "features").as_uri()}
    async with ScoringWorld.running(tmp_path, **options) as world:
        (clip, *_) = await world.scored()
        code, table, _ = await said(world, "features", "show", clip.head.clip_id)
        _, line, _ = await said(world, "features", "show", clip.head.clip_id, "--at", "2001-01-01", "--json")
        checked = await said(world, "features", "check")

    assert code == 0
    hook = next(row for row in table.splitlines() if row.startswith("hook"))
    assert "share" in hook and "0.0 h" in hook and "j1" in hook
    assert {each["status"] for each in json.loads(line)["features"]} == {"STATUS_MISSING"}
    assert checked[:2] == (0, "Nothing was checked yet.\n")
