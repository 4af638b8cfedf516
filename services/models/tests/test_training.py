"""A declared trainer makes a version in a child with limits: the challenger if it works, and nothing if it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from clipmill_registry import packaged
from registry_world import RUN, SCALE, TRAINERS, RegistryWorld, begun, code_of, ended, trained

from clipmill.models.v1 import models_pb2 as pb
from clipmill.scoring.v1.scoring_pb2 import OutcomeTable


@pytest.fixture(autouse=True)
def its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packaged.WITHOUT_WEIGHTS, "scale", SCALE)


async def test_what_a_trainer_makes_is_the_challenger_with_its_lineage_and_metrics(tmp_path: Path):
    async with RegistryWorld.running(tmp_path, trainers=TRAINERS) as world:
        run = await trained(world, "t1", b"7")
        assert (run.state, dict(run.metrics), run.by) == (RUN.STATE_COMPLETED, {"error": 0.25}, "local")
        version = await world.version(alias=pb.ALIAS_CHALLENGER)
        assert (version.version, version.state) == ("t1", pb.STATE_VALIDATED)
        assert run.dataset.sha256 in version.metadata.source and version.metadata.measured["error"] == "0.25"
        (move,) = (await world.call("GetHistory", pb.GetHistoryRequest(model="scale"))).moves
        assert move.by == f"training {run.run_id}"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"crash", "PART_CRASHED"),
        (b"hang", "TRAINING_TIMEOUT"),
        (b"no number", "TRAINING_FAILED"),
        (b"nonsense", "MODEL_FAILED"),
    ],
)
async def test_a_training_that_fails_says_why_and_is_no_challenger(tmp_path: Path, content: bytes, code: str):
    async with RegistryWorld.running(tmp_path, trainers=TRAINERS, train_s=3.0) as world:
        run = await trained(world, "t1", content)
        assert (run.state, run.failure.code) == (RUN.STATE_FAILED, code)
        assert await code_of(world.version(alias=pb.ALIAS_CHALLENGER)) == "ALIAS_NOT_FOUND"


async def test_what_cannot_be_trained_is_refused(tmp_path: Path):
    async with RegistryWorld.running(tmp_path) as world:
        assert await code_of(trained(world, "t1", b"7")) == "TRAINER_NOT_FOUND"
        assert await code_of(trained(world, "t1", b"7", owner="eve")) == "PERMISSION_DENIED"
        assert await code_of(trained(world, "../t1", b"7")) == "INVALID_VERSION"


async def test_a_training_whose_process_ended_is_begun_again_by_the_next_one_once(tmp_path: Path):
    async with RegistryWorld.running(tmp_path, trainers=TRAINERS) as world:
        dataset = await world.blobs.put_bytes("local", b"hang", "text/plain")
        request = pb.TrainRequest(model="scale", version="t1", dataset=dataset)
        run_id = (await world.call("Train", request)).run.run_id
        await begun(world, run_id, attempt=1)
    async with RegistryWorld.running(tmp_path, trainers=TRAINERS) as world:
        await begun(world, run_id, attempt=2)
    async with RegistryWorld.running(tmp_path, trainers=TRAINERS) as world:
        run = await ended(world, run_id)
        assert (run.state, run.failure.code) == (RUN.STATE_FAILED, "TRAINING_LOST")


async def test_the_clip_scorers_own_trainer_makes_a_challenger_of_what_became_of_clips(tmp_path: Path):
    names = ("hook", "numbers")
    rows = [(1.0, (k % 7) / 3 - 1, (k % 5) / 2 - 1) for k in range(200)]
    table = OutcomeTable(
        names=names, vectors=[n for row in rows for n in row], good=[k % 5 / 4 for k in range(200)], weight=[1] * 200
    )
    async with RegistryWorld.running(tmp_path) as world:
        dataset = await world.blobs.put_message("local", table)
        request = pb.TrainRequest(model="clip_scorer", version="t1", dataset=dataset)
        run = await ended(world, (await world.call("Train", request)).run.run_id)
        assert (run.state, run.metrics["clips"]) == (RUN.STATE_COMPLETED, 200), run.failure
        assert run.metrics["log_loss"] < run.metrics["log_loss_of_plain"]
        wanted = pb.GetVersionRequest(model="clip_scorer", alias=pb.ALIAS_CHALLENGER)
        assert (await world.call("GetVersion", wanted)).version.state == pb.STATE_VALIDATED
