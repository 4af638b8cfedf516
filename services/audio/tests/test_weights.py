"""Weights come from the user's own cache, or from a hub: whole, checked, gone on with where a connection broke.

The hub is a server of ours that answers as the Hugging Face hub does: a listing with checksums, files with ranges.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from clipmill_audio import weights
from clipmill_audio.weights import Weights

from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import HttpLimits

REVISION = "a" * 40
FILES = {
    "model.bin": bytes(range(256)) * 5000,
    "config.json": b"{}",
    "tokenizer.json": b'{"a": 1}',
    "vocabulary.txt": b"a\nb\n",
    "README.md": b"not wanted",
}


class Hub:
    """Breaks the first `breaks` answers for model.bin; `changed` files are not what the listing says."""

    def __init__(self, breaks: int = 0, changed: str = "", ranges: bool = True) -> None:
        self.breaks = breaks
        self.changed = changed
        self.ranges = ranges
        self.asked: list[tuple[str, str]] = []

    async def listing(self, request: web.Request) -> web.Response:
        files = []
        for name, content in FILES.items():
            file = {"rfilename": name, "size": len(content)}
            file["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            if name == "model.bin":
                file["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
            files.append(file)
        return web.json_response({"id": request.match_info["repo"], "sha": REVISION, "siblings": files})

    async def file(self, request: web.Request) -> web.StreamResponse:
        name, wanted = request.match_info["name"], request.headers.get("Range", "")
        self.asked.append((name, wanted))
        content = FILES[name]
        if name == self.changed:
            content = content[:-1] + b"?"
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(content) - start
        await response.prepare(request)
        if name == "model.bin" and self.breaks:
            self.breaks -= 1
            await response.write(content[start : start + 500_000])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(content[start:])
        return response


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/api/models/{owner}/{repo}/revision/main", hub.listing)
    app.router.add_get(f"/{{owner}}/{{repo}}/resolve/{REVISION}/{{name}}", hub.file)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PAUSE_S", 0.0)


def store(tmp_path: Path, url: str = "http://127.0.0.1:9") -> Weights:
    limits = HttpLimits(connect_s=5, idle_s=5, total_s=30)
    return Weights(tmp_path / "ours", url, {"HF_HOME": str(tmp_path / "theirs")}, limits)


async def test_weights_are_downloaded_checked_and_then_there(tmp_path: Path) -> None:
    hub, heard = Hub(), list[float]()
    async with serving(hub) as url:
        mine = store(tmp_path, url)
        assert mine.present() == []
        await mine.fetch("small", heard.append)
        await mine.fetch("small", heard.append)
    assert mine.present() == ["small"]
    found = mine.find("small")
    assert found == (tmp_path / "ours" / "small", REVISION)
    assert {path.name: path.read_bytes() for path in found[0].iterdir() if path.name != "revision"} == {
        name: content for name, content in FILES.items() if name != "README.md"
    }
    assert sorted(name for name, _ in hub.asked) == sorted(set(FILES) - {"README.md"})
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


async def test_a_connection_that_breaks_is_gone_on_with_where_it_broke(tmp_path: Path) -> None:
    hub = Hub(breaks=2)
    async with serving(hub) as url:
        mine = store(tmp_path, url)
        await mine.fetch("small", lambda _: None)
    asked = [wanted for name, wanted in hub.asked if name == "model.bin"]
    # How much had come before the connection broke is the network's affair; what had come is not asked for again.
    begins = [int(wanted.removeprefix("bytes=").rstrip("-") or 0) for wanted in asked]
    assert len(begins) == 3
    assert begins == sorted(begins)
    found = mine.find("small")
    assert found is not None
    assert (found[0] / "model.bin").read_bytes() == FILES["model.bin"]


async def test_what_an_earlier_run_has_begun_is_gone_on_with(tmp_path: Path) -> None:
    partial = tmp_path / "ours" / "small.partial" / f"{REVISION[:12]}-model.bin"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(FILES["model.bin"][:700_000])
    hub = Hub()
    async with serving(hub) as url:
        await store(tmp_path, url).fetch("small", lambda _: None)
    assert ("model.bin", "bytes=700000-") in hub.asked
    assert not partial.parent.exists()


async def test_a_server_without_ranges_is_read_from_the_beginning(tmp_path: Path) -> None:
    partial = tmp_path / "ours" / "small.partial" / f"{REVISION[:12]}-model.bin"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"something else")
    async with serving(Hub(ranges=False)) as url:
        mine = store(tmp_path, url)
        await mine.fetch("small", lambda _: None)
    assert mine.present() == ["small"]


@pytest.mark.parametrize("changed", ["model.bin", "config.json"])
async def test_a_wrong_checksum_is_refused_and_nothing_of_it_kept(tmp_path: Path, changed: str) -> None:
    async with serving(Hub(changed=changed)) as url:
        mine = store(tmp_path, url)
        with pytest.raises(ClipmillError) as raised:
            await mine.fetch("small", lambda _: None)
    assert raised.value.code == "WEIGHTS_DAMAGED"
    assert changed in raised.value.message
    assert mine.present() == []
    assert not list((tmp_path / "ours").glob(f"*.partial/*-{changed}"))


async def test_a_hub_that_cannot_be_reached_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ClipmillError) as raised:
        await store(tmp_path).fetch("small", lambda _: None)
    assert raised.value.code == "WEIGHTS_UNREACHABLE"
    assert "127.0.0.1:9" in raised.value.message
    assert "moonshine" in raised.value.remedy


async def test_a_listing_that_is_none_is_refused(tmp_path: Path) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.json_response({"sha": "../..", "siblings": [{"rfilename": "model.bin", "size": 1}]})

    hub = Hub()
    hub.listing = page  # type: ignore[method-assign]
    async with serving(hub) as url:
        with pytest.raises(ClipmillError) as raised:
            await store(tmp_path, url).fetch("small", lambda _: None)
    assert raised.value.code == "WEIGHTS_UNREACHABLE"


def test_the_users_own_cache_is_used_where_it_lies(tmp_path: Path) -> None:
    repository = tmp_path / "theirs" / "hub" / "models--Systran--faster-whisper-small"
    snapshot = repository / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION)
    for name, content in FILES.items():
        (snapshot / name).write_bytes(content)
    assert store(tmp_path).find("small") == (snapshot, REVISION)
    (snapshot / "tokenizer.json").unlink()
    assert store(tmp_path).find("small") is None
