"""Every call is counted once, under the code that its caller sees."""

# ruff: noqa: N802 - gRPC names methods so
from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from harness.metrics import Measured

from clipmill.catalog.v1 import catalog_pb2 as pb
from clipmill.catalog.v1 import catalog_pb2_grpc
from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc.auth import unauthenticated
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import Service


class Catalog(catalog_pb2_grpc.CatalogServiceServicer):
    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def GetClip(self, request: pb.GetClipRequest, context: Any) -> pb.GetClipResponse:
        if self._error:
            raise self._error
        return pb.GetClipResponse()


def stranger(_metadata: Any) -> str:
    raise unauthenticated("Who is it?")


@pytest.mark.parametrize(
    ("error", "authenticate", "code"),
    [
        (None, None, "OK"),
        (ClipmillError("CLIP_NOT_FOUND", "There is no such clip.", "List them."), None, "NOT_FOUND"),
        (ZeroDivisionError(), None, "INTERNAL"),
        (None, stranger, "UNAUTHENTICATED"),
    ],
)
async def test_a_call_is_counted_by_method_and_code(tmp_path: Path, error: Any, authenticate: Any, code: str) -> None:
    def add(server: grpc.aio.Server) -> None:
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server(Catalog(error), server)

    counted = Measured()
    service = Service("catalog", servicers=(add,))
    seen = "OK"
    async with (
        serving([service], f"unix:{tmp_path}/s", authenticate=authenticate) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        try:
            await catalog_pb2_grpc.CatalogServiceStub(channel).GetClip(pb.GetClipRequest())
        except grpc.aio.AioRpcError as failure:
            seen = failure.code().name
    method = "/clipmill.catalog.v1.CatalogService/GetClip"
    assert seen == code
    assert counted("clipmill.rpc.duration", method=method, code=code) == 1
