"""Clips are scored by the version of the clip scorer that the job pinned."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from clipmill_scoring.domain.registered import weights_from
from clipmill_scoring.domain.score import MOST_POINTS, WEIGHTS
from scoring_world import ScoringWorld
from test_handlers import scored, task_of

from clipmill.clips.v1.clips_pb2 import ScoredClips
from clipmill.models.v1.models_pb2 import Artefact, PinnedVersion
from clipmill_models.clip_scorer import Points, Scorer
from clipmill_shared.blobs import Blobs
from clipmill_shared.work import digest_of

PLAIN = Scorer(50.0, {name: Points(w.points, w.typical, w.span) for name, w in WEIGHTS.items()})
ONLY = Scorer(50.0, {name: replace(p, points=50.0 * (name == "numbers")) for name, p in PLAIN.features.items()})


async def pinned(blobs: Blobs, scorer: Scorer, version: str) -> PinnedVersion:
    blob = await blobs.put_bytes("clipmill", scorer.written(), "application/json")
    return PinnedVersion(model="clip_scorer", version=version, artefact=Artefact(blob=blob))


async def test_the_jobs_version_scores_and_the_result_says_which(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    results = []
    for scorer in (None, ONLY):
        pins = [] if scorer is None else [await pinned(blobs, scorer, "8")]
        results.append(await scored(tmp_path, await task_of(blobs, clips=1, min_s=2, max_s=6, pinned=pins), blobs))
    plain, by_numbers = results
    assert [(m.name, m.version) for m in by_numbers.answer.models][1] == ("clip_scorer", "8")
    assert "clip_scorer" not in {m.name for m in plain.answer.models}
    (clip,) = (await blobs.get_message(by_numbers.scored, ScoredClips)).clips
    assert {f.name for f in clip.features if f.added} <= {"numbers"}


async def test_a_job_is_ranked_anew_by_the_version_that_it_had(tmp_path):
    async with ScoringWorld.running(tmp_path) as world:
        pin = await pinned(world.blobs, ONLY, "8")
        await world.scored(change=lambda kept: kept.task.pinned.append(pin))
        found = await world.rerank()
    added = {feature.name for clip in found.clips for feature in clip.features if feature.added}
    assert added == {"numbers"}


async def test_another_version_is_another_content_so_nothing_cached_is_taken_for_it(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    tasks = [
        await task_of(blobs, pinned=[await pinned(blobs, PLAIN, version)] if version else [])
        for version in ("", "7", "8", "7")
    ]
    none, seven, eight, again = map(digest_of, tasks)
    assert len({none, seven, eight}) == 3 and again == seven


def test_a_version_keeps_scores_within_bounds_and_leaves_features_that_it_does_not_know():
    loud = Scorer.read(Scorer(50.0, {"hook": Points(500.0, 0.4, 0.6), "gone": Points(9.0, 0, 1)}).written())
    weights = weights_from(loud)
    assert weights.keys() == WEIGHTS.keys()
    assert sum(abs(w.points) for w in weights.values()) == pytest.approx(MOST_POINTS)
    assert weights["hook"].points > 40
    assert weights_from(PLAIN) == dict(WEIGHTS) == weights_from(None)


@pytest.mark.parametrize(
    "row",
    [{"points": 1, "typical": 0}, {"points": 1, "typical": 0, "span": 0}, {"points": "x", "typical": 0, "span": 1}],
)
def test_a_table_that_is_none_of_a_scorers_is_refused(row):
    with pytest.raises(ValueError, match=r"clip scorer|could not convert"):
        Scorer.read(json.dumps({"base": 50, "features": {"hook": row}}).encode())
