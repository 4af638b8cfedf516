"""The models that come with Clipmill are registered at the start: validated, and champions where nothing else is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from registry_world import RegistryWorld, code_of, onnx_of_sum

from clipmill.models.v1 import models_pb2 as pb
from clipmill_models import definition_of
from clipmill_shared.inference.messages import tensors_of, values_of


async def champion(world: RegistryWorld, model: str) -> pb.Version:
    """Once the start has come so far."""
    async with asyncio.timeout(60):
        while True:
            listed = await world.call("ListVersions", pb.ListVersionsRequest(model=model))
            for version in listed.versions:
                if pb.ALIAS_CHAMPION in version.aliases:
                    return version
            await asyncio.sleep(0.05)


async def test_a_packaged_model_answers_and_a_second_start_changes_nothing(tmp_path: Path):
    for _ in range(2):
        async with RegistryWorld.running(tmp_path, names=["face_mesh"]) as world:
            version = await champion(world, "face_mesh")
            assert version.version == definition_of("face_mesh").version
            assert version.state == pb.STATE_VALIDATED and version.metadata.licence
            picture = {"image": np.full((1, 192, 192, 3), 90, np.uint8)}
            async with asyncio.timeout(10):
                while True:
                    try:
                        request = pb.PredictRequest(model="face_mesh", inputs=values_of(picture))
                        answer = await world.call("Predict", request)
                        break
                    except Exception:
                        await asyncio.sleep(0.01)
            assert tensors_of(answer.outputs)["points"].shape == (1, 468, 3)
            moves = (await world.call("GetHistory", pb.GetHistoryRequest(model="face_mesh"))).moves
            assert [(move.by, move.to_version) for move in moves] == [("package", version.version)]
            clear = pb.ClearAliasRequest(model="face_mesh", alias=pb.ALIAS_CHAMPION)
            assert await code_of(world.call("ClearAlias", clear)) == "INVALID_ALIAS"


async def test_the_clip_scorers_weights_are_a_table(tmp_path: Path):
    points = b'{"points": 8, "typical": 0.5, "span": 0.5}'
    table = b'{"base": 40, "features": {"hook": %s, "numbers": %s}}' % (points, points)
    async with RegistryWorld.running(tmp_path) as world:
        request = world.file("scorer.json", table)
        request.model, request.version, request.definition = "clip_scorer", "7", ""
        await world.register(request)
        await world.call("Validate", pb.ValidateRequest(model="clip_scorer", version="7"))
        inputs = {
            "names": np.array([[b"hook", b"unheard of", b"numbers"]], object),
            "values": np.array([[0.75, 3, np.nan]], np.float32),
        }
        asked = pb.PredictRequest(model="clip_scorer", version="7", inputs=values_of(inputs))
        answer = await world.call("Predict", asked)
        assert tensors_of(answer.outputs)["score"].tolist() == [[44]]
        assert list(answer.features_used) == ["hook"], "known to it, and with a value"
        # One that is a table, and no scorer's.
        request = world.file("other.json", b'{"base": "x"}')
        request.model, request.version, request.definition = "clip_scorer", "8", ""
        await world.register(request)
        refused = pb.ValidateRequest(model="clip_scorer", version="8")
        assert await code_of(world.call("Validate", refused)) == "MODEL_LOAD_FAILED"


async def test_shots_take_the_exported_network_and_no_other(tmp_path: Path):
    async with RegistryWorld.running(tmp_path) as world:
        request = world.file("shots.onnx", onnx_of_sum())
        request.model, request.version, request.format = "shots", "1", pb.FORMAT_ONNX
        await world.register(request)
        version = (await world.call("GetVersion", pb.GetVersionRequest(model="shots", version="1"))).version
        assert version.definition == "clipmill_models.shots:MODEL"
        validate = pb.ValidateRequest(model="shots", version="1")
        assert await code_of(world.call("Validate", validate)) == "MODEL_FAILED"
