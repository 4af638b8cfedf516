"""The registry loads versions on a real tritonserver: every replica answers before an alias points at them."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from harness.triton import missing, triton
from tritonclient.grpc import aio as grpc_client

from clipmill.models.v1 import models_pb2 as pb
from clipmill_models.repository import write

TESTS = Path(__file__).parents[2] / "services" / "models" / "tests"
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("triton")]
sys.path.insert(0, str(TESTS))


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
