"""Artefacts from the web: gone on with where they broke off, and never taken for whole when they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from registry_world import RegistryWorld, code_of

from clipmill.models.v1 import models_pb2 as pb

# As long as it is not loaded, it might be one.
CONTENT = b"\x08" + b"weights " * 500_000


class Shop:
    """Serves CONTENT; `pieces` says how many bytes each request gets before the line breaks, None for all."""

    def __init__(self, pieces: list[int | None], *, ranges: bool = True) -> None:
        self.pieces = pieces
        self.ranges = ranges
        self.asked: list[int] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        start = int(request.headers["Range"][6:-1]) if self.ranges and "Range" in request.headers else 0
        self.asked.append(start)
        piece = self.pieces.pop(0) if self.pieces else None
        rest = CONTENT[start:]
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(rest)
        await response.prepare(request)
        await response.write(rest[:piece])
        if piece is not None and request.transport is not None:
            request.transport.close()
        return response

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        application = web.Application()
        application.router.add_get("/weights", self.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/weights"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def world_of(folder: Path, shop: Shop) -> AsyncIterator[tuple[RegistryWorld, pb.RegisterRequest]]:
    settings = {"url_allowed_hosts": frozenset({"127.0.0.1"}), "url_tries": 2}
    async with shop.open() as url, RegistryWorld.running(folder, **settings) as world:
        request = world.file("weights", CONTENT)
        request.artefact, request.format = url, pb.FORMAT_ONNX
        yield world, request


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipmill_registry.copying.PAUSE_S", 0.01)


async def test_what_breaks_off_is_gone_on_with(tmp_path: Path):
    shop = Shop([1_000_000, 2_000_000, None])
    async with world_of(tmp_path, shop) as (world, request):
        answers = await world.register(request)
        assert answers[-1].version.artefact.blob.size_bytes == len(CONTENT)
        assert answers[-1].done_bytes == answers[-1].size_bytes == len(CONTENT)
    first, second, third = shop.asked
    assert first == 0 < second < third


async def test_a_server_that_knows_no_ranges_is_asked_for_all_of_it_again(tmp_path: Path):
    shop = Shop([1_000_000, None], ranges=False)
    async with world_of(tmp_path, shop) as (world, request):
        (*_, last) = await world.register(request)
        assert last.version.artefact.blob.sha256 == request.sha256


async def test_what_was_given_up_is_gone_on_with_by_the_next_who_asks(tmp_path: Path):
    shop = Shop([1_000_000, 0, 0, None])
    async with world_of(tmp_path, shop) as (world, request):
        assert await code_of(world.register(request)) == "ARTEFACT_UNREACHABLE"
        asked = len(shop.asked)
        (*_, last) = await world.register(request)
        assert last.version.artefact.blob.sha256 == request.sha256
    assert shop.asked[asked] > 0


async def test_other_bytes_than_those_that_were_promised_are_forgotten(tmp_path: Path):
    shop = Shop([])
    async with world_of(tmp_path, shop) as (world, request):
        right, request.sha256 = request.sha256, "1" * 64
        assert await code_of(world.register(request)) == "ARTEFACT_HASH_DIFFERS"
        request.sha256 = right
        await world.register(request)
    assert shop.asked == [0, 0]


async def test_what_is_larger_than_may_be_is_not_fetched(tmp_path: Path):
    shop = Shop([])
    async with shop.open() as url:
        settings = {"url_allowed_hosts": frozenset({"127.0.0.1"}), "max_artefact_bytes": 1000}
        async with RegistryWorld.running(tmp_path, **settings) as world:
            request = world.file("weights", CONTENT)
            request.artefact, request.format = url, pb.FORMAT_ONNX
            assert await code_of(world.register(request)) == "INPUT_TOO_LARGE"
