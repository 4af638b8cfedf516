"""What an owner has asked a version before is answered again, where that takes less than asking."""

from __future__ import annotations

import asyncio

import pytest
from clipmill_registry.remembered import pays
from harness.metrics import Measured
from registry_world import RegistryWorld
from test_predicting import answered, asked

from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared.inference.messages import values_of


def asked_of_model(world: RegistryWorld, version: str) -> int:
    """How often the model's code was run for a version here, its validation not counted."""
    return sum(len(path.read_text()) for path in (world.folder / "scratch").glob(f"models/scale/{version}/asked"))


async def test_the_same_is_computed_once_however_many_ask_for_it_at_once(world: RegistryWorld):
    await world.validated("2", 2, "thinks")
    before, counted = asked_of_model(world, "2"), Measured()
    first = await asyncio.gather(*(world.call("Predict", asked(3, version="2")) for _ in range(8)))
    again = await world.call("Predict", asked(3, version="2"))
    assert [answered(each) for each in (*first, again)] == [[6]] * 9
    assert asked_of_model(world, "2") == before + 1
    assert sorted(each.cached for each in first) == [False] + [True] * 7
    assert again.cached and again.compute_s >= 0.05 and again.version == "2" and list(again.features_used) == ["x"]
    assert counted("clipmill.results.saved", stage="predict") >= 8 * 0.05
    assert counted("clipmill.results.saved.inferences", stage="predict") == 8
    assert counted("clipmill.results.reads", stage="predict", tier="none") == 8


async def test_another_owner_version_or_input_is_asked_for_itself(world: RegistryWorld):
    for version, factor in (("2", 2.0), ("3", 3.0)):
        await world.validated(version, factor, "thinks")
    assert answered(await world.call("Predict", asked(3, version="2"))) == [6]
    others = [await world.call("Predict", asked(3, version="3")), await world.call("Predict", asked(4, version="2"))]
    world.owner = "bob"
    others.append(await world.call("Predict", asked(3, version="2")))
    assert [(answered(each), each.cached) for each in others] == [([9], False), ([8], False), ([6], False)]
    assert (await world.call("Predict", asked(3, version="2"))).cached


async def test_answers_of_long_calls_outlive_the_process_where_that_is_asked_for(tmp_path):
    for expected in (False, True):
        async with RegistryWorld.running(tmp_path, keep_answers_from_s=0.01) as world:
            if not expected:
                await world.validated("2", 2, "thinks")
            response = await world.call("Predict", asked(3, version="2"))
            assert (answered(response), response.cached) == ([6], expected)


@pytest.mark.parametrize(("infer_s", "values", "is_worth_it"), [(0, 2, False), (0.002, 2, True), (0.002, 10**6, False)])
def test_a_call_that_takes_less_than_looking_is_not_looked_for(infer_s, values, is_worth_it):
    import numpy as np

    version = pb.Version(figures=pb.Figures(infer_s=infer_s))
    request = pb.PredictRequest(inputs=values_of({"x": np.zeros((1, values), np.float32)}))
    assert pays(version, request) == is_worth_it
