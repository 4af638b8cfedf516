"""The server: what it refuses, what it says of itself, how it stops."""

# ruff: noqa: N802 - gRPC names methods so
from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from clipmill.catalog.v1 import catalog_pb2 as pb
from clipmill.catalog.v1.catalog_pb2_grpc import (
    CatalogServiceServicer,
    CatalogServiceStub,
    add_CatalogServiceServicer_to_server,
)
from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc.address import is_loopback
from clipmill_shared.rpc.auth import Authenticate, owner_of, unauthenticated
from clipmill_shared.rpc.server import RpcLimits, serving
from clipmill_shared.service import Service

NAME = "clipmill.catalog.v1.CatalogService"


class Answering(CatalogServiceServicer):
    """Answers with the caller's owner; ListClips waits until it is let go."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.let_go = asyncio.Event()

    async def GetClip(self, request: pb.GetClipRequest, context: Any) -> pb.GetClipResponse:
        return pb.GetClipResponse(clip=pb.Clip(owner_id=owner_of(context)))

    async def ListClips(self, request: pb.ListClipsRequest, context: Any) -> pb.ListClipsResponse:
        self.called.set()
        await self.let_go.wait()
        return pb.ListClipsResponse(next_page_token="done")


def service(servicer: CatalogServiceServicer) -> Service:
    return Service(
        "catalog",
        servicers=(lambda server: add_CatalogServiceServicer_to_server(servicer, server),),
        grpc_names=(NAME,),
    )


@asynccontextmanager
async def served(
    folder: Path,
    servicer: CatalogServiceServicer | None = None,
    *,
    authenticate: Authenticate | None = None,
    limits: RpcLimits = RpcLimits(),
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server of `servicer`."""
    services = [service(servicer or Answering())]
    async with (
        serving(services, f"unix:{folder}/s", authenticate=authenticate, limits=limits) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield channel


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("unix:/run/clipmill.s", True),
        ("127.0.0.1:0", True),
        ("127.8.8.8:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.168.1.5:1", False),
        ("127.0.0.1.example.org:1", False),
        (":1", False),
    ],
)
def test_only_what_others_cannot_reach_is_loopback(address: str, loopback: bool):
    assert is_loopback(address) is loopback


async def test_nobody_else_is_served_until_authentication_is_configured():
    with pytest.raises(ClipmillError, match="no authentication") as error:
        async with serving([service(Answering())], "0.0.0.0:0"):
            pass
    assert error.value.code == "RPC_ADDRESS_REFUSED"
    async with serving([service(Answering())], "0.0.0.0:0", authenticate=lambda _: "ada") as address:
        assert not address.endswith(":0")


async def test_an_address_that_is_taken_is_refused():
    async with serving([service(Answering())], "127.0.0.1:0") as address:
        with pytest.raises(ClipmillError) as error:
            async with serving([service(Answering())], address):
                pass
    assert error.value.code == "RPC_ADDRESS_UNUSABLE"


async def test_a_socket_is_its_users_alone(tmp_path: Path):
    async with serving([service(Answering())], f"unix:{tmp_path}/s"):
        assert (tmp_path / "s").stat().st_mode & 0o077 == 0


async def test_a_loopback_server_has_one_local_owner_and_another_asks_who_calls(tmp_path: Path):
    def token(metadata: Any) -> str:
        if "authorization" not in dict(metadata):
            raise unauthenticated("No token was sent.")
        return str(dict(metadata)["authorization"])

    async with served(tmp_path) as channel:
        stub: Any = CatalogServiceStub(channel)
        assert (await stub.GetClip(pb.GetClipRequest())).clip.owner_id == "local"
    async with served(tmp_path, authenticate=token) as channel:
        stub = CatalogServiceStub(channel)
        call = stub.GetClip(pb.GetClipRequest(), metadata=(("authorization", "ada"),))
        assert (await call).clip.owner_id == "ada"
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetClip(pb.GetClipRequest())
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_servicer_without_identity_serves_nobody():
    with pytest.raises(ClipmillError) as error:
        owner_of(None)
    assert error.value.code == "UNAUTHENTICATED"


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    async with served(tmp_path) as channel:
        yield channel


@pytest.mark.parametrize("name", ["", NAME])
async def test_health_is_told_of_the_whole_and_of_each_service(channel: grpc.aio.Channel, name: str):
    stub: Any = health_pb2_grpc.HealthStub(channel)
    response = await stub.Check(health_pb2.HealthCheckRequest(service=name))
    assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_who_has_no_token_hears_of_the_health_and_of_nothing_else(tmp_path: Path):
    def nobody(_metadata: Any) -> str:
        raise unauthenticated("No token was sent.")

    async with served(tmp_path, authenticate=nobody) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        response = await health.Check(health_pb2.HealthCheckRequest(service=NAME))
        assert response.status == health_pb2.HealthCheckResponse.SERVING
        listing = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await listing.read()
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_services_can_be_listed(channel: grpc.aio.Channel):
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    response = await call.read()
    call.cancel()
    names = {each.name for each in response.list_services_response.service}
    assert names == {NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


async def test_a_server_that_stops_says_so_and_finishes_its_calls(tmp_path: Path):
    servicer = Answering()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving([service(servicer)], f"unix:{tmp_path}/s"):
            started.set()
            await stop.wait()

    started = asyncio.Event()
    server = asyncio.create_task(serve())
    await started.wait()
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/s") as channel:
        stub: Any = CatalogServiceStub(channel)
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=NAME))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        call = asyncio.ensure_future(stub.ListClips(pb.ListClipsRequest()))
        await servicer.called.wait()

        stop.set()

        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        servicer.let_go.set()
        assert (await call).next_page_token == "done"
    await server


async def test_calls_over_the_limit_are_refused_and_requests_over_it_too(tmp_path: Path):
    servicer = Answering()
    limits = RpcLimits(max_concurrent_calls=1, max_request_bytes=1000)
    async with served(tmp_path, servicer, limits=limits) as channel:
        stub: Any = CatalogServiceStub(channel)
        first = asyncio.ensure_future(stub.ListClips(pb.ListClipsRequest()))
        await servicer.called.wait()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetClip(pb.GetClipRequest())
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        servicer.let_go.set()
        await first
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetClip(pb.GetClipRequest(clip_id="c" * 2000))
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_call_without_a_deadline_gets_one(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL)
    limits = RpcLimits(default_deadline_s=0.05)
    async with served(tmp_path, limits=limits) as channel:
        stub: Any = CatalogServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.ListClips(pb.ListClipsRequest())
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "without a deadline" in (error.value.details() or "")


def test_tracing_is_not_imported_until_it_is_on():
    program = (
        "import sys, clipmill_shared.rpc.server as s\n"
        "assert s._tracing() == []\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry.instrumentation')]\n"
        "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider()); assert len(s._tracing()) == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
