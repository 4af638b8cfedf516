"""The guarded client reaches the open internet, what the operator allows, and nothing else."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from clipmill_shared import guarded_http
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError, is_public


@asynccontextmanager
async def server(*routes: web.RouteDef) -> AsyncIterator[int]:
    """A web server on a free port of 127.0.0.1."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(*allowed: str) -> AsyncIterator[GuardedHttp]:
    http = GuardedHttp(HttpLimits(connect_s=5, idle_s=5, total_s=10), frozenset(allowed))
    try:
        yield http
    finally:
        await http.close()


async def fetch(http: GuardedHttp, url: str) -> None:
    async with http.get(url):
        return


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


def to(target: str):
    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound(target)

    return redirect


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
        ),
        *(
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
        ),
        *("fc00::1", "fd00::1", "ff02::1", "fec0::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:a00:1:0:0:80ff:fffe", "not an address", ""),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1", "0x7f.0.0.1"]
)
async def test_no_spelling_of_this_machine_is_reached(host: str) -> None:
    async with server(web.get("/", hello)) as port, client() as http:
        with pytest.raises((RefusedAddressError, aiohttp.InvalidURL)):
            await fetch(http, f"http://{host}:{port}/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/x", "gopher://x", "nonsense", "http://"])
async def test_nothing_but_the_web(url: str) -> None:
    async with client() as http:
        with pytest.raises(RefusedAddressError):
            await fetch(http, url)


async def test_an_allowed_host_is_reached_on_its_port_only() -> None:
    async with (
        server(web.get("/", hello)) as one,
        server(web.get("/", hello)) as two,
        client(f"127.0.0.1:{one}") as http,
    ):
        async with http.get(f"http://127.0.0.1:{one}/") as response:
            assert await response.text() == "hello"
        with pytest.raises(RefusedAddressError):
            await fetch(http, f"http://127.0.0.1:{two}/")


async def test_a_redirect_to_a_private_address_is_refused() -> None:
    async with server(web.get("/", hello)) as inside:
        redirects = [
            web.get("/ip", to(f"http://127.0.0.1:{inside}/")),
            web.get("/name", to(f"http://localhost:{inside}/")),
            web.get("/file", to("file:///etc/passwd")),
        ]
        async with server(*redirects) as port, client(f"127.0.0.1:{port}") as http:
            for path in ("/ip", "/name", "/file"):
                with pytest.raises(RefusedAddressError):
                    await fetch(http, f"http://127.0.0.1:{port}{path}")


@pytest.mark.parametrize("target", ["http://[bad/a.ts", "http://a:99999/"])
async def test_a_redirect_to_no_address_is_refused(target: str) -> None:
    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    async with server(web.get("/", redirect)) as port, client("127.0.0.1") as http:
        with pytest.raises(RefusedAddressError, match="is not a web address"):
            await fetch(http, f"http://127.0.0.1:{port}/")


async def test_what_is_no_name_of_a_host_is_not_found() -> None:
    async with client() as http:
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            await fetch(http, f"http://{'a' * 70}.example/")


async def test_redirects_are_followed_but_not_for_ever() -> None:
    routes = [web.get("/a", to("/b")), web.get("/b", hello), web.get("/loop", to("/loop"))]
    async with server(*routes) as port, client("127.0.0.1") as http:
        async with http.get(f"http://127.0.0.1:{port}/a") as response:
            assert await response.text() == "hello"
        with pytest.raises(aiohttp.ClientError, match="redirects"):
            await fetch(http, f"http://127.0.0.1:{port}/loop")


async def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("93.184.216.34", "10.0.0.7")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with client() as http:
        with pytest.raises(RefusedAddressError, match=r"mixed\.example leads to 10\.0\.0\.7"):
            await fetch(http, "http://mixed.example/")


async def test_the_address_that_is_connected_to_is_checked_whatever_the_resolver_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a rebinding name server would achieve, if the check were of another resolution than the connection's."""
    monkeypatch.setattr(guarded_http, "_PublicResolver", guarded_http.ThreadedResolver)
    async with server(web.get("/", hello)) as port, client() as http:
        with pytest.raises(RefusedAddressError):
            await fetch(http, f"http://localhost:{port}/")
