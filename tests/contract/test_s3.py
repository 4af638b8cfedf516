"""What only an object store that is elsewhere can show: it is slow, fails, refuses, or holds other bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import obstore
import pytest
from harness.s3 import S3

from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_shared.blobs import BlobMissingError, Blobs
from clipmill_shared.object_store import BlobsRefusedError, BlobsUnavailableError, store_of

SHA256 = "a" * 64
REF = BlobRef(uri=f"blob:ann/blobs/aa/{SHA256}", size_bytes=5, sha256=SHA256)


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that gives every request this answer, or none; its port, and the requests."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line == b"\r\n":
                asked.append(line)
                if answer is not None:
                    writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


def at(port: int, folder: Path, monkeypatch: pytest.MonkeyPatch, silence_s: float = 20) -> Blobs:
    for name, value in S3.environment(port).items():
        monkeypatch.setenv(name, value)
    return Blobs(store_of("s3://bucket/clips", silence_s, retry_s=1), folder)


def response(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_errors_are_tried_again_a_few_times_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(response("503 Slow Down")) as (port, asked):
        with pytest.raises(BlobsUnavailableError, match="bucket/clips does not answer") as raised:
            await at(port, tmp_path, monkeypatch).get_bytes(REF)
        assert raised.value.retryable
        assert 2 <= len(asked) <= 4


async def test_no_answer_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(None) as (port, _):
        with pytest.raises(BlobsUnavailableError):
            await at(port, tmp_path, monkeypatch, silence_s=0.1).get_bytes(REF)


async def read(blobs: Blobs) -> None:
    async with blobs.local(REF):
        pass


async def stream(blobs: Blobs) -> None:
    async for _ in blobs.stream(REF):
        pass


@pytest.mark.parametrize(
    "call",
    [
        Blobs.check,
        read,
        stream,
        lambda blobs: blobs.put_bytes("ann", b"hello", "text/plain"),
        lambda blobs: blobs.put_file("ann", Path(__file__), "text/plain"),
        lambda blobs: blobs.get_bytes(REF),
        lambda blobs: blobs.exists(REF),
        lambda blobs: blobs.delete(REF),
        lambda blobs: blobs.read_record("ann", "k", BlobRef),
        lambda blobs: blobs.write_record("ann", "k", REF),
        lambda blobs: blobs.delete_record("ann", "k"),
    ],
)
async def test_whoever_is_refused_is_told_so_by_every_call(
    call: Callable[[Blobs], Awaitable[object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(response("403 Forbidden")) as (port, _):
        with pytest.raises(BlobsRefusedError):
            await call(at(port, tmp_path, monkeypatch))


async def test_nothing_that_is_secret_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(response("403 Forbidden")) as (port, _):
        with pytest.raises(BlobsRefusedError) as raised:
            await at(port, tmp_path, monkeypatch).get_bytes(REF)
    said = str(raised.value)
    assert S3.environment(port)["AWS_SECRET_ACCESS_KEY"] not in said
    assert "\n" not in said


@pytest.mark.parametrize("url", ["s3://", "ftp://host/x", "nowhere"])
def test_an_address_that_cannot_be_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(BlobsRefusedError):
        Blobs.from_url(url, tmp_path)


@pytest.mark.real
async def test_a_bucket_that_is_not_there_is_named(
    s3_server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = at(s3_server.server.port, tmp_path, monkeypatch)
    with pytest.raises(BlobsRefusedError, match="bucket"):
        await blobs.check()


@pytest.mark.real
async def test_other_bytes_of_the_same_length_are_refused(
    s3_server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment(s3_server.server.port).items():
        monkeypatch.setenv(name, value)
    store = store_of(f"s3://{s3_server.bucket()}/clips")
    blobs = Blobs(store, tmp_path)
    ref = await blobs.put_bytes("ann", b"hello", "text/plain")
    await obstore.put_async(store, ref.uri.removeprefix("blob:"), b"hullo")
    with pytest.raises(BlobMissingError, match="not what its reference says"):
        async with blobs.local(ref):
            pass
    assert list(tmp_path.iterdir()) == []
