"""The registry loads versions on a real tritonserver: every replica answers before an alias points at them."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from harness.triton import missing, triton
from tritonclient.grpc import aio as grpc_client

from clipmill.models.v1 import models_pb2 as pb
from clipmill.models.v1.models_pb2 import PinnedVersion
from clipmill_models.repository import write
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.cautions import cautions
from clipmill_shared.inference.apart import infer, with_models
from clipmill_shared.inference.configured import Inference
from clipmill_shared.inference.log import InferenceLog
from clipmill_shared.inference.model_children import ModelChildren
from clipmill_shared.inference.pins import Pins

CONTRACT = Path(__file__).parent
TESTS = Path(__file__).parents[2] / "services" / "models" / "tests"
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("triton")]
sys.path.insert(0, str(TESTS))

from registry_models import SCALE  # noqa: E402


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    if why := missing():
        pytest.skip(why)
    repository = tmp_path_factory.mktemp("repository")
    write(repository, [])
    repository.mkdir(exist_ok=True)
    with triton(repository, [TESTS]) as one, triton(repository, [TESTS]) as two:
        yield one, two


@pytest.fixture
async def world(servers, tmp_path, monkeypatch):
    from registry_world import RegistryWorld

    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    addresses = tuple(server.address for server in servers)
    async with RegistryWorld.running(tmp_path, triton_addresses=addresses, triton_drain_s=0.2) as world:
        yield world


async def predicted(world, version: str = "") -> pb.PredictResponse:
    from test_predicting import asked

    async with asyncio.timeout(20):
        while True:
            answer = await world.call("Predict", asked(3, version=version))
            if answer.executor == "triton":
                return answer
            await asyncio.sleep(0.05)


async def test_a_promotion_loads_on_every_replica_switches_and_unloads_what_was_before(world, servers):
    from test_predicting import answered, until_told

    await world.validated("2", 2)
    await world.validated("5", 5, "takes its time")
    await world.promote("2")
    await until_told_at_first(world, "2")
    assert answered(await predicted(world)) == [6]
    assert await loaded(servers, "scale--2") == [True, True]
    await world.promote("5")
    await until_told(world, "5")
    assert answered(await predicted(world)) == [15]
    async with asyncio.timeout(20):
        while any(await loaded(servers, "scale--2")):
            await asyncio.sleep(0.05)
    assert await loaded(servers, "scale--5") == [True, True]


async def test_what_one_replica_cannot_load_is_promoted_nowhere(world, servers):
    from registry_world import code_of

    await world.validated("2", 2)
    await world.validated("6", 6)
    await world.promote("2")
    _, second = servers
    second.stop(signal.SIGKILL)
    try:
        assert await code_of(world.promote("6")) == "VERSION_NOT_READY"
        assert (await world.version()).version == "2"
    finally:
        second.start()
    async with asyncio.timeout(20):
        # The executor finds the server again within seconds.
        while isinstance((await asyncio.gather(world.promote("6"), return_exceptions=True))[0], Exception):
            await asyncio.sleep(0.1)
    assert (await world.version()).version == "6"


async def test_a_version_is_loaded_and_unloaded_by_hand(world, servers):
    from registry_world import code_of

    await world.validated("7", 7)
    named = {"model": "scale", "version": "7"}
    await world.call("LoadVersion", pb.LoadVersionRequest(**named))
    assert await loaded(servers, "scale--7") == [True, True]
    await world.call("UnloadVersion", pb.UnloadVersionRequest(**named))
    async with asyncio.timeout(20):
        while any(await loaded(servers, "scale--7")):
            await asyncio.sleep(0.05)
    await world.promote("7")
    assert await code_of(world.call("UnloadVersion", pb.UnloadVersionRequest(**named))) == "VERSION_IN_USE"


def tripled(value, report):
    return infer(SCALE, {"x": np.array([[value, value]], np.float32)})["y"][0, 0].item()


tripled_in_a_child = with_models(tripled)


class Noted(InferenceLog):
    """Keeps the calls that it is told of."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.calls = []

    def note(self, call):
        self.calls.append(call)


async def test_a_job_is_answered_on_triton_by_the_version_that_it_pinned_whatever_the_champion_is(
    world, servers, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{CONTRACT}:{CONTRACT.parent}")
    for version in ("12", "13"):
        await world.validated(version, float(version))
    for alias, version in ((pb.ALIAS_CHALLENGER, "12"), (pb.ALIAS_CHAMPION, "13")):
        await world.promote(version, alias)
    pinned = await world.version("12")
    pin = PinnedVersion(model="scale", version="12", definition=pinned.definition, artefact=pinned.artefact)
    log = Noted(InProcessBus(), "tests", share=0.0)
    inference = Inference(servers[0].address, deadline_s=20, log_share=1.0)
    pins = Pins(world.blobs, world.folder / "pins")
    children = ModelChildren(f"{__name__}:tripled_in_a_child", 1, inference, log, pins=pins)
    try:
        with cautions([pin]) as said:
            assert await children.run(2.0) == 24
    finally:
        await children.close()
    assert [(call.version, call.executor) for call in log.calls] == [("12", "triton")]
    assert (said.cautions, said.versions) == ([], {"scale": "12"})


async def test_of_two_promotions_at_once_on_every_replica_one_wins_and_no_request_is_lost(world):
    from test_predicting import answered, asked

    for version in ("21", "22", "23"):
        await world.validated(version, float(version), "" if version == "21" else "takes its time")
    await world.promote("21")
    await until_told_at_first(world, "21")
    answers: list[tuple[str, float]] = []

    async def keep_asking() -> None:
        while True:
            response = await world.call("Predict", asked(1))
            answers.append((response.version, answered(response)[0]))

    asking = [asyncio.create_task(keep_asking()) for _ in range(4)]
    done = await asyncio.gather(world.promote("22"), world.promote("23"), return_exceptions=True)
    (won,) = [move.to_version for move in done if isinstance(move, pb.Move)]
    # The loser is unloaded and what was before drains while requests go on.
    await asyncio.sleep(1)
    for task in asking:
        task.cancel()
    for outcome in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError), outcome
    assert all(number == float(version) for version, number in answers)
    assert {version for version, _ in answers} == {"21", won}
    assert (await world.version()).version == won


async def loaded(servers, model: str) -> list[bool]:
    """Which servers have it."""
    clients = [grpc_client.InferenceServerClient(server.address) for server in servers]
    try:
        return [await client.is_model_ready(model) for client in clients]
    finally:
        for client in clients:
            await client.close()


async def until_told_at_first(world, version: str) -> None:
    from registry_world import ClipmillRpcError
    from test_predicting import asked

    async with asyncio.timeout(20):
        while True:
            try:
                if (await world.call("Predict", asked(1))).version == version:
                    return
            except ClipmillRpcError:
                await asyncio.sleep(0.01)
