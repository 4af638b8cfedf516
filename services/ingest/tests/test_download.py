"""A URL becomes a blob, or one clear line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import BasicAuth, web
from clipmill_ingest.domain.address import without_credentials
from clipmill_ingest.download import Downloads
from clipmill_ingest.importer import Importer
from clipmill_ingest.settings import IngestSettings
from world import nothing_blocks

from clipmill.media.v1.media_pb2 import ImportTask, Source
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.errors import ClipmillError

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
VIDEO = b"not a page" * 1000


async def video(request: web.Request) -> web.Response:
    return web.Response(body=VIDEO, content_type="video/mp4")


async def missing(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def page(request: web.Request) -> web.Response:
    return web.Response(text="<p>Watch</p>", content_type="text/html")


async def disguised_page(request: web.Request) -> web.Response:
    return web.Response(body=b"\n <!DOCTYPE HTML><p>Log in</p>", content_type="video/mp4")


async def playlist(request: web.Request) -> web.Response:
    return web.Response(body=b"\xef\xbb\xbf#EXTM3U\n#EXT-X-ENDLIST\n", content_type="application/vnd.apple.mpegurl")


async def silent(request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100000"})
    await response.prepare(request)
    await response.write(VIDEO)
    request.transport.close()
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 100_000)


async def empty(request: web.Request) -> web.Response:
    return web.Response(content_type="video/mp4")


@asynccontextmanager
async def downloads(folder: Path, answer: Answer, **settings: object) -> AsyncIterator[tuple[Downloads, str]]:
    app = web.Application()
    app.add_routes([web.get("/talk.mp4", answer)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    defaults = {"url_allowed_hosts": frozenset({host}), "url_idle_timeout_s": 0.3, "max_file_bytes": 1_000_000}
    client = Downloads(IngestSettings(**{**defaults, **settings}), blobs_in(folder))
    try:
        with nothing_blocks():
            yield client, f"http://user:secret@{host}/talk.mp4?token=secret"
    finally:
        await client.close()
        await runner.cleanup()


def blobs_in(folder: Path) -> Blobs:
    return Blobs.in_folder(folder / "blobs", folder / "scratch")


async def test_a_video_becomes_a_blob(tmp_path: Path) -> None:
    shares: list[float] = []
    async with downloads(tmp_path, video) as (client, url):
        ref = await client.fetch("ada", url, shares.append)
    assert await blobs_in(tmp_path).get_bytes(ref) == VIDEO
    assert ref.media_type == "video/mp4"
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (missing, "INPUT_URL_NOT_FOUND", "404"),
        (page, "INPUT_URL_NOT_VIDEO", "web page"),
        (disguised_page, "INPUT_URL_NOT_VIDEO", "web page"),
        (playlist, "INPUT_URL_NOT_VIDEO", "HLS playlist"),
        (silent, "INPUT_URL_UNREACHABLE", "in time"),
        (breaks_off, "INPUT_URL_UNREACHABLE", "broke off"),
        (endless, "INPUT_TOO_LARGE", "limit"),
        (empty, "INPUT_EMPTY", "empty"),
    ],
)
async def test_what_is_no_video_is_one_line_and_leaves_nothing(
    tmp_path: Path, answer: Answer, code: str, words: str
) -> None:
    async with downloads(tmp_path, answer) as (client, url):
        with pytest.raises(ClipmillError) as caught:
            await client.fetch("ada", url, lambda share: None)
    error = caught.value
    assert error.code == code
    assert words in error.message
    assert "/talk.mp4" in error.message
    assert "secret" not in str(error)
    assert not list((tmp_path / "scratch").iterdir())
    assert not list((tmp_path / "blobs").rglob("*"))


async def test_a_private_address_is_refused(tmp_path: Path) -> None:
    async with downloads(tmp_path, video, url_allowed_hosts=frozenset()) as (client, url):
        with pytest.raises(ClipmillError) as caught:
            await client.fetch("ada", url, lambda share: None)
    assert caught.value.code == "INPUT_URL_PRIVATE"


@pytest.mark.parametrize("url", ["http://nowhere.invalid/a.mp4", "http://127.0.0.1:9/a.mp4"])
async def test_nobody_there(tmp_path: Path, url: str) -> None:
    async with downloads(tmp_path, video, url_allowed_hosts=frozenset({"127.0.0.1"})) as (client, _):
        with pytest.raises(ClipmillError) as caught:
            await client.fetch("ada", url, lambda share: None)
    assert caught.value.code == "INPUT_URL_UNREACHABLE"


async def test_an_import_fetches_with_the_password_that_its_task_does_not_say(tmp_path: Path) -> None:
    asked: list[str] = []

    async def private(request: web.Request) -> web.Response:
        asked.append(BasicAuth.decode(request.headers["Authorization"]).password)
        return web.Response(body=b"", content_type="video/mp4")

    blobs = blobs_in(tmp_path)
    async with downloads(tmp_path, private) as (client, url):

        async def address_of(owner_id: str, job_id: str) -> str:
            return {("ada", "job-1"): url}[owner_id, job_id]

        importer = Importer(client._settings, blobs, address_of)
        task = ImportTask(task=Task(job_id="job-1", owner_id="ada"), source=Source(url=without_credentials(url)))
        with pytest.raises(ClipmillError, match="empty"):
            await importer.content_key(task, lambda _: None)
        await importer.close()
    assert asked == ["secret"]
