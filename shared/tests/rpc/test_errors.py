"""Errors cross the wire with their code, message and remedy; what is nobody's business does not."""

# ruff: noqa: N802 - gRPC names methods so
from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, Help, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from structlog.testing import capture_logs

from clipmill.catalog.v1 import catalog_pb2 as catalog
from clipmill.catalog.v1.catalog_pb2_grpc import (
    CatalogServiceServicer,
    CatalogServiceStub,
    add_CatalogServiceServicer_to_server,
)
from clipmill.jobs.v1 import jobs_pb2 as jobs
from clipmill.jobs.v1.jobs_pb2_grpc import (
    IngestServiceServicer,
    IngestServiceStub,
    add_IngestServiceServicer_to_server,
)
from clipmill_shared.errors import ClipmillError, DiskFullError
from clipmill_shared.rpc.errors import status_code_of, status_of
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import Service

ERROR = ClipmillError("INPUT_EMPTY", "talk.mp4 is empty.", "Copy it again.")


def error(code: str, *, retryable: bool = False) -> ClipmillError:
    return ClipmillError(code, "It failed.", "Do this.", retryable=retryable)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (error("INPUT_EMPTY"), "INVALID_ARGUMENT"),
        (error("INPUT_NOT_FOUND"), "INVALID_ARGUMENT"),
        (error("INVALID_PAGE_TOKEN"), "INVALID_ARGUMENT"),
        (error("JOB_NOT_FOUND"), "NOT_FOUND"),
        (error("CLIP_NOT_FOUND"), "NOT_FOUND"),
        (error("VIDEO_NOT_FOUND"), "NOT_FOUND"),
        (error("QUEUE_FULL"), "RESOURCE_EXHAUSTED"),
        (DiskFullError("/data"), "RESOURCE_EXHAUSTED"),
        (error("UNAUTHENTICATED"), "UNAUTHENTICATED"),
        (error("WORKER_LOST", retryable=True), "UNAVAILABLE"),
        (error("WORKER_LOST"), "INTERNAL"),
    ],
)
def test_a_code_says_which_status_it_is(failure: ClipmillError, code: str):
    assert status_code_of(failure).name == code


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_error_always_fits_into_trailers(message: str, remedy: str):
    status = status_of(ClipmillError("INPUT_EMPTY", message * 200, remedy * 200), "ingest")
    # Escaping makes three bytes of one in the message, and base64 four of three in the details.
    assert len(status.message.encode()) * 3 + status.ByteSize() * 4 / 3 < 7000


class Failing(CatalogServiceServicer, IngestServiceServicer):
    """Raises the same in every kind of call."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    async def GetClip(self, request: Any, context: Any) -> Any:
        raise self.failure

    async def DownloadClip(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield catalog.DownloadClipResponse(content=b"first")
        raise self.failure

    async def UploadVideo(self, request_iterator: AsyncIterator[Any], context: Any) -> Any:
        async for _ in request_iterator:
            raise self.failure


async def unary(channel: grpc.aio.Channel) -> None:
    stub: Any = CatalogServiceStub(channel)
    await stub.GetClip(catalog.GetClipRequest())


async def download(channel: grpc.aio.Channel) -> None:
    stub: Any = CatalogServiceStub(channel)
    responses = stub.DownloadClip(catalog.DownloadClipRequest())
    assert (await responses.read()).content == b"first"
    await responses.read()


async def upload(channel: grpc.aio.Channel) -> None:
    async def parts() -> AsyncIterator[jobs.UploadVideoRequest]:
        yield jobs.UploadVideoRequest(content=b"bytes")

    stub: Any = IngestServiceStub(channel)
    await stub.UploadVideo(parts())


KINDS = pytest.mark.parametrize(("kind", "part"), [(unary, "catalog"), (download, "catalog"), (upload, "ingest")])


async def status_on_the_wire(folder: Path, failure: Exception, kind: Any) -> Status:
    servicer = Failing(failure)

    def add(server: grpc.aio.Server) -> None:
        add_CatalogServiceServicer_to_server(servicer, server)
        add_IngestServiceServicer_to_server(servicer, server)

    async with (
        serving([Service("failing", servicers=(add,))], f"unix:{folder}/s") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await kind(channel)
    status = rpc_status.from_call(raised.value)
    assert status is not None
    return status


def detail(status: Status, kind: type[Any]) -> Any:
    for packed in status.details:
        unpacked = kind()
        if packed.Unpack(unpacked):
            return unpacked
    return None


@KINDS
async def test_a_clipmill_error_arrives_whole(tmp_path: Path, kind: Any, part: str):
    status = await status_on_the_wire(tmp_path, ERROR, kind)
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert status.message == "talk.mp4 is empty."
    info = detail(status, ErrorInfo)
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "INPUT_EMPTY",
        "clipmill",
        {"part": part, "remedy": "Copy it again."},
    )
    assert detail(status, Help).links[0].description == "Copy it again."
    assert detail(status, RetryInfo) is None


@KINDS
async def test_an_unexpected_exception_is_logged_and_not_told(tmp_path: Path, kind: Any, part: str):
    with capture_logs() as logs:
        status = await status_on_the_wire(tmp_path, ValueError("password"), kind)
    assert status.code == grpc.StatusCode.INTERNAL.value[0]
    assert b"password" not in status.SerializeToString()
    assert detail(status, ErrorInfo).reason == "INTERNAL"
    assert [str(entry["exc_info"]) for entry in logs if entry["log_level"] == "error"] == ["password"]


async def test_what_may_pass_says_when_to_try_again(tmp_path: Path):
    full = ClipmillError("QUEUE_FULL", "It is full.", "Come again.", retryable=True, retry_after_s=4.5)
    assert detail(await status_on_the_wire(tmp_path, full, unary), RetryInfo).retry_delay.ToMilliseconds() == 4500
    (tmp_path / "s").unlink(missing_ok=True)
    lost = await status_on_the_wire(tmp_path, error("WORKER_LOST", retryable=True), unary)
    assert detail(lost, RetryInfo).retry_delay.ToSeconds() > 0


async def test_a_long_name_in_another_script_arrives(tmp_path: Path):
    name = "視" * 4000
    status = await status_on_the_wire(tmp_path, ClipmillError("INPUT_EMPTY", f"{name}.mp4 is empty.", "Look."), unary)
    assert status.message.endswith(".mp4 is empty.")


@KINDS
async def test_errors_arrive_with_tracing_on_as_well(
    tmp_path: Path, kind: Any, part: str, monkeypatch: pytest.MonkeyPatch
):
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    status = await status_on_the_wire(tmp_path, ERROR, kind)
    assert detail(status, ErrorInfo).reason == "INPUT_EMPTY"
