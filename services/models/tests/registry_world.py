"""The registry on a database and blobs of its own, behind a real server, with a model of the tests."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clipmill_registry.service
import grpc.aio
import pytest
from clipmill_registry.settings import ModelsSettings

from clipmill.models.v1 import models_pb2 as pb
from clipmill.models.v1.models_pb2_grpc import ModelsServiceStub
from clipmill.rpc_error import ClipmillRpcError, error_of
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Bus
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running

SCALE = "registry_models:SCALE"
RUN = pb.TrainingRun
TRAINERS = ("scale=registry_models:train",)


@dataclass
class RegistryWorld:
    stub: Any
    address: str
    blobs: Blobs
    bus: Bus
    folder: Path
    owner: str = "local"

    @classmethod
    @asynccontextmanager
    async def running(
        cls, folder: Path, sql_url: str = "", bus: Bus | None = None, names: Iterable[str] = (), **settings: Any
    ) -> AsyncIterator[RegistryWorld]:
        bus = bus or InProcessBus()
        files = folder / "files"
        files.mkdir(exist_ok=True)
        blobs = Blobs.in_folder(folder / "blobs", folder / "scratch", (files,))
        url = sql_url or f"sqlite+aiosqlite:///{folder}/{{service}}.db"
        platform = Platform(bus, blobs, url, folder / "scratch", "test")
        made = ModelsSettings(definition_packages=("registry_models", "clipmill_models", "harness"), **settings)
        service = clipmill_registry.service.build(made, platform, tuple(names))

        def caller(metadata: Iterable[tuple[str, str | bytes]]) -> str:
            return str(dict(metadata).get("owner", "local"))

        async with (
            running([service], bus),
            serving([service], f"unix:{folder}/s", authenticate=caller) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            yield cls(ModelsServiceStub(channel), address, blobs, bus, folder)

    async def call(self, method: str, request: Any) -> Any:
        """The answer; ClipmillRpcError."""
        try:
            return await getattr(self.stub, method)(request, metadata=(("owner", self.owner),))
        except grpc.aio.AioRpcError as error:
            raise error_of(error, self.address) from error

    async def register(self, request: pb.RegisterRequest) -> list[pb.RegisterResponse]:
        """All that is told of it."""
        call = self.stub.Register(request, metadata=(("owner", self.owner),))
        try:
            return [answer async for answer in call]
        except grpc.aio.AioRpcError as error:
            raise error_of(error, self.address) from error

    def table(self, version: str, factor: float = 2.0, behaviour: str = "") -> pb.RegisterRequest:
        """A request for a version of the tests' model, whose artefact is a file under the import root."""
        request = self.file(f"{version}.json", json.dumps({"factor": factor, "behaviour": behaviour}).encode())
        request.version, request.definition = version, SCALE
        return request

    def file(self, name: str, content: bytes) -> pb.RegisterRequest:
        """A request for a version whose artefact is this file, under the import root."""
        path = self.folder / "files" / name
        path.write_bytes(content)
        return pb.RegisterRequest(
            model="scale",
            version="1.1",
            artefact=str(path),
            sha256=hashlib.sha256(content).hexdigest(),
            format=pb.FORMAT_TABLE,
        )

    async def validated(self, version: str, factor: float = 2.0, behaviour: str = "") -> None:
        await self.register(self.table(version, factor, behaviour))
        await self.call("Validate", pb.ValidateRequest(model="scale", version=version))

    async def promote(self, version: str, alias: int = pb.ALIAS_CHAMPION, instead_of: str = "") -> pb.Move:
        request = pb.PromoteRequest(model="scale", version=version, alias=alias, instead_of=instead_of)
        return (await self.call("Promote", request)).move

    async def version(self, version: str = "", alias: int = pb.ALIAS_CHAMPION) -> pb.Version:
        request = pb.GetVersionRequest(model="scale", version=version, alias=alias)
        return (await self.call("GetVersion", request)).version


def field(number: int, content: bytes | int) -> bytes:
    """A field of a protobuf message."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    low, high = len(content) % 128, len(content) // 128
    return bytes([number << 3 | 2, *((low | 128, high) if high else (low,))]) + content


def value(name: bytes) -> bytes:
    """Rows of two FP32, as ONNX declares them."""
    sides = field(1, field(2, b"rows")) + field(1, field(1, 2))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sides)))


def onnx_of_sum() -> bytes:
    """y = x + x, of rows of two numbers, as ONNX: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"""
    node = field(1, b"x") + field(1, b"x") + field(2, b"y") + field(4, b"Add")
    graph = field(1, node) + field(2, b"sum") + field(11, value(b"x")) + field(12, value(b"y"))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


async def code_of(call: Any) -> str:
    """The code that a call is refused with."""
    with pytest.raises(ClipmillRpcError) as caught:
        await call
    return caught.value.code


async def ended(world: RegistryWorld, run_id: str) -> pb.TrainingRun:
    async with asyncio.timeout(60):
        while True:
            run = (await world.call("GetTrainingRun", pb.GetTrainingRunRequest(run_id=run_id))).run
            if run.state != RUN.STATE_RUNNING:
                return run
            await asyncio.sleep(0.02)


async def begun(world: RegistryWorld, run_id: str, attempt: int) -> None:
    async with asyncio.timeout(20):
        while (await world.call("GetTrainingRun", pb.GetTrainingRunRequest(run_id=run_id))).run.attempt < attempt:
            await asyncio.sleep(0.02)


async def trained(world: RegistryWorld, version: str, content: bytes, owner: str = "local") -> pb.TrainingRun:
    dataset = await world.blobs.put_bytes(owner, content, "text/plain")
    request = pb.TrainRequest(model="scale", version=version, dataset=dataset)
    return await ended(world, (await world.call("Train", request)).run.run_id)
