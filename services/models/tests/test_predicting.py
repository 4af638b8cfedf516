"""Models are asked by alias: one version answers a request, a switch concerns the next, a shadow is heard by nobody."""

from __future__ import annotations

import asyncio
from collections import Counter

import numpy as np
import pytest
import structlog
from clipmill_registry.domain.routing import Arm, Split, routed
from harness.metrics import Measured
from registry_world import RegistryWorld, code_of

from clipmill import topics
from clipmill.models.v1 import models_pb2 as pb
from clipmill.rpc_error import ClipmillRpcError
from clipmill_shared.bus import Subscription
from clipmill_shared.inference.messages import tensors_of, values_of


def asked(*numbers: float, **more: object) -> pb.PredictRequest:
    given = {"x": np.array([[n, n] for n in numbers], np.float32)}
    return pb.PredictRequest(model="scale", inputs=values_of(given), **more)


def answered(response: pb.PredictResponse) -> list[float]:
    return tensors_of(response.outputs)["y"][:, 0].tolist()


async def predict(world: RegistryWorld, *numbers: float, **more: object) -> pb.PredictResponse:
    return await world.call("Predict", asked(*numbers, **more))


async def until_told(world: RegistryWorld, version: str) -> None:
    """Until the move has come back over the bus."""
    async with asyncio.timeout(10):
        while (await predict(world, 1)).version != version:
            await asyncio.sleep(0.005)


@pytest.fixture
async def two(world: RegistryWorld) -> RegistryWorld:
    """Version 2 doubles and is the champion, version 3 triples."""
    for version in ("2", "3"):
        await world.validated(version, float(version))
    await world.promote("2")
    async with asyncio.timeout(10):
        while True:
            try:
                await predict(world, 1)
            except Exception:
                await asyncio.sleep(0.005)
            else:
                return world


async def test_the_champion_answers_unless_another_is_named(two: RegistryWorld):
    response = await predict(two, 1, 5)
    assert (answered(response), response.model, response.version) == ([2, 10], "scale", "2")
    assert response.executor == "in process" and response.compute_s > 0 and not response.HasField("confidence")
    assert list(response.features_used) == ["x"]
    assert answered(await predict(two, 5, version="3")) == [15]
    await two.promote("3", pb.ALIAS_CHALLENGER)
    async with asyncio.timeout(10):
        while await _code_or_none(two, alias=pb.ALIAS_CHALLENGER):
            await asyncio.sleep(0.005)
    assert answered(await predict(two, 5, alias=pb.ALIAS_CHALLENGER)) == [15]


async def test_where_the_champion_is_broken_the_one_before_it_answers_and_it_is_said(two: RegistryWorld):
    await two.validated("4", 4, "breaks at zero")
    await two.promote("4")
    await until_told(two, "4")
    counted = Measured()
    response = await predict(two, 0)
    assert (answered(response), response.version) == ([0], "2")
    assert response.fallback.startswith("MODEL_FAILED: The model scale 4 failed: ValueError: zero.")
    # For a while it is left alone. Another's request does not tell what the first was about.
    later = await predict(two, 1)
    assert (later.version, later.fallback) == ("2", "MODEL_FAILED: 4 failed a moment ago.")
    assert counted("clipmill.inference.fallbacks", model="scale", code="MODEL_FAILED") == 2
    # Who names a version is answered by no other.
    assert answered(await predict(two, 1, version="4")) == [4]


async def test_where_both_fail_at_the_same_it_is_the_first_error_that_is_told(two: RegistryWorld):
    for version in ("4", "5"):
        await two.validated(version, 2, "breaks at zero")
        await two.promote(version)
    await until_told(two, "5")
    with pytest.raises(ClipmillRpcError, match="scale 5 failed"):
        await predict(two, 0)
    assert (await predict(two, 1)).version == "5"


async def test_a_model_that_says_how_sure_it_is_is_quoted(world: RegistryWorld):
    request = world.table("1", 0.75)
    request.model, request.definition = "sure", "registry_models:SURE"
    await world.register(request)
    await world.call("Validate", pb.ValidateRequest(model="sure", version="1"))
    wanted = asked(1, version="1")
    wanted.model = "sure"
    assert (await world.call("Predict", wanted)).confidence == 0.75


async def _code_or_none(world: RegistryWorld, **more: object) -> str:
    try:
        await predict(world, 1, **more)
    except Exception as error:
        return str(getattr(error, "code", error))
    return ""


async def test_what_cannot_be_answered_is_named(two: RegistryWorld):
    assert await code_of(predict(two, 1, version="9")) == "VERSION_NOT_FOUND"
    assert await code_of(predict(two, 1, alias=pb.ALIAS_SHADOW)) == "ALIAS_NOT_FOUND"
    assert await code_of(predict(two, 1, alias=19)) == "INVALID_ALIAS"
    wrong = asked(1)
    wrong.inputs[0].name = "z"
    assert await code_of(two.call("Predict", wrong)) == "INVALID_TENSOR"
    wrong = asked(1)
    wrong.inputs[0].dtype = "INT64"
    assert await code_of(two.call("Predict", wrong)) == "INVALID_TENSOR"
    wrong.inputs[0].dtype, wrong.inputs[0].shape[1] = "FP32", 3
    assert await code_of(two.call("Predict", wrong)) == "INVALID_TENSOR"
    await two.register(two.table("4"))
    assert await code_of(predict(two, 1, version="4")) == "VERSION_NOT_VALIDATED"


async def test_a_batch_is_answered_each_for_itself_by_one_version(two: RegistryWorld):
    wrong = asked(1)
    wrong.inputs[0].name = "z"
    requests = [asked(1), wrong, asked(2), asked(3, version="3")]
    found = await two.call("PredictBatch", pb.PredictBatchRequest(requests=requests))
    one, failed, two_, three = found.predictions
    assert [answered(p.answer) for p in (one, two_, three)] == [[2], [4], [9]]
    assert failed.failure.code == "INVALID_TENSOR"
    assert await code_of(two.call("PredictBatch", pb.PredictBatchRequest())) == "INVALID_BATCH"


async def test_a_switch_loses_no_request_mixes_no_answer_and_needs_no_restart(two: RegistryWorld):
    done, answers = asyncio.Event(), []

    async def ask() -> None:
        while not done.is_set():
            response = await two.call("PredictBatch", pb.PredictBatchRequest(requests=[asked(1, 1), asked(1)]))
            versions = {p.answer.version for p in response.predictions}
            values = {v for p in response.predictions for v in answered(p.answer)}
            answers.append((versions, values))

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    for version in ("3", "2", "3"):
        await two.promote(version)
        await until_told(two, version)
    done.set()
    await asyncio.gather(*asking)
    assert {frozenset(versions) for versions, _ in answers} == {frozenset({"2"}), frozenset({"3"})}
    assert all(values == {float(*versions)} for versions, values in answers)


async def test_the_shadow_is_asked_as_well_and_both_are_logged(two: RegistryWorld):
    await two.promote("3", pb.ALIAS_SHADOW)
    noted: list = []
    records: list[pb.InferenceRecord] = []

    async def read(event):
        records.append(event.message)
        return ()

    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(10), two.bus.run(Subscription(topics.INFERENCE_LOGS, "test", read)):
            while not noted or len({record.version for record in records}) < 2:
                assert answered(await predict(two, 5)) == [10]
                await asyncio.sleep(0.01)
                noted = [line for line in logs if line["event"] == "a shadow answered"]
    first = noted[0]
    assert (first["champion"], first["shadow"], first["difference"]) == ("2", "3", 5)
    assert {(record.model, record.version, record.part) for record in records} == {
        ("scale", "2", "models"),
        ("scale", "3", "models"),
    }


async def test_a_shadow_that_fails_harms_nobody(two: RegistryWorld):
    await two.validated("5", 1, "breaks at zero")
    await two.promote("5", pb.ALIAS_SHADOW)
    noted: list = []
    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(10):
            while not noted:
                assert answered(await predict(two, 0)) == [0]
                await asyncio.sleep(0.01)
                noted = [line for line in logs if line["event"] == "a shadow failed"]
    assert noted[0]["code"] == "MODEL_FAILED"


async def test_an_owner_asks_no_oftener_than_may_be(tmp_path):
    async with RegistryWorld.running(tmp_path, predicts_per_minute=1) as world:
        assert await code_of(predict(world, 1)) == "ALIAS_NOT_FOUND"
        assert await code_of(predict(world, 1)) == "RATE_LIMITED"


def test_an_experiment_divides_units_in_the_shares_that_were_set_and_always_alike():
    split = Split("e", (Arm("a", 1), Arm("b", 3)))
    seen = Counter(routed("champion", split, f"unit {n}") for n in range(20_000))
    assert seen["a"] / 20_000 == pytest.approx(0.25, abs=0.01) and seen.keys() == {"a", "b"}
    assert len({routed("champion", split, "ann") for _ in range(5)}) == 1
    other = Split("f", split.arms)
    both = sum(routed("", split, f"{n}") == routed("", other, f"{n}") for n in range(20_000))
    assert both / 20_000 == pytest.approx(0.25**2 + 0.75**2, abs=0.02), "independent of each other"
    assert routed("champion", None, "ann") == routed("champion", split, "") == "champion"
    assert routed("champion", Split("e", (Arm("a", 0),)), "ann") == "champion"
