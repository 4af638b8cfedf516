"""Retraining requests on each bus: trained once, whoever dies in between; what cannot be is a dead letter."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from clipmill import topics
from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.kafka import KafkaBus
from clipmill_shared.events import Event

HERE = Path(__file__).parents[2] / "services" / "models" / "tests"
sys.path.insert(0, str(HERE))


async def test_a_request_that_comes_twice_is_one_training_also_when_the_registry_ends_in_the_middle(
    backend, tmp_path, monkeypatch
):
    from clipmill_registry import packaged
    from registry_world import RUN, SCALE, TRAINERS, RegistryWorld, begun

    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setitem(packaged.WITHOUT_WEIGHTS, "scale", SCALE)
    settings = {"trainers": TRAINERS, "lifecycle_owner": "local"}
    heard: list[pb.TrainingRun] = []

    async def hear(event):
        if event.message.HasField("training"):
            heard.append(event.message.training)
        return ()

    def asking(request_id: str, model: str = "scale") -> Event[pb.ModelLifecycle]:
        wish = pb.ModelLifecycle(owner_id="local", model=model, retraining=pb.RetrainingRequest(dataset=dataset))
        return Event(topics.MODELS_LIFECYCLE, wish, request_id, "local", "/outside")

    outside = backend.bus()
    if isinstance(outside, KafkaBus):
        await outside.ensure_topics((topics.MODELS_LIFECYCLE, topics.INFERENCE_LOGS))
    flag = tmp_path / "flag"
    async with asyncio.timeout(60), outside.run(Subscription(topics.MODELS_LIFECYCLE, "test", hear)):
        async with RegistryWorld.running(tmp_path, bus=backend.bus(), **settings) as world:
            dataset = await world.blobs.put_bytes("local", f"wait for {flag}".encode(), "text/plain")
            await outside.publish(asking("bad", model="faces"), asking("r-1"), asking("r-1"))
            while not heard:
                await asyncio.sleep(0.02)
            await begun(world, heard[0].run_id, attempt=1)
        flag.touch()
        async with RegistryWorld.running(tmp_path, bus=backend.bus(), **settings) as world:
            while len(heard) < 2:
                await asyncio.sleep(0.02)
            challenger = await world.version(alias=pb.ALIAS_CHALLENGER)
        letters = await backend.dead_letters(topics.MODELS_LIFECYCLE, 1)
    assert [run.state for run in heard] == [RUN.STATE_RUNNING, RUN.STATE_COMPLETED]
    assert (heard[1].attempt, heard[1].request_id, challenger.version) == (2, "r-1", heard[1].version)
    assert (letters[0].attempts, "TRAINER_NOT_FOUND" in letters[0].error) == (1, True)
