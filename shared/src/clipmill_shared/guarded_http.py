"""The one client for outbound HTTP: users name the addresses, so it reaches nothing that only this machine could."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)


class RefusedAddressError(Exception):
    """The address is not a public one, or not of the web; the message says which."""


@dataclass(frozen=True)
class HttpLimits:
    """What a request may take; `idle_s` bounds the silence between two pieces."""

    connect_s: float = 10.0
    idle_s: float = 30.0
    total_s: float = 3600.0
    redirects: int = 5


class GuardedHttp:
    """HTTP and HTTPS to public addresses only.

    A name is refused when any of its addresses is private, and each socket is checked once more for the address that
    it is made for: no second resolution, IP literal or redirect comes around that. `allowed_hosts` ("name" or
    "name:port") are the operator's own and may lie anywhere.
    """

    def __init__(self, limits: HttpLimits = HttpLimits(), allowed_hosts: frozenset[str] = frozenset()) -> None:
        self._limits = limits
        self._allowed = allowed_hosts
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    @asynccontextmanager
    async def get(self, url: str, headers: Mapping[str, str] = {}) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to a GET after its redirects, its body not yet read. `headers` go to each host on the way.

        Errors: RefusedAddressError, aiohttp.ClientError, TimeoutError.
        """
        at = _web_url(url)
        for _ in range(self._limits.redirects + 1):
            async with self._session(at).get(at, headers=headers, allow_redirects=False) as response:
                target = response.headers.get("Location")
                if response.status not in _REDIRECTS or target is None:
                    yield response
                    return
            at = _web_url(_joined(at, target))
        raise aiohttp.ClientError(f"more than {self._limits.redirects} redirects")

    @asynccontextmanager
    async def post(
        self, url: str, data: aiohttp.FormData | bytes, headers: Mapping[str, str] = {}
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to a POST, its body not yet read; a redirect is an answer like others.

        Errors: RefusedAddressError, aiohttp.ClientError, TimeoutError.
        """
        at = _web_url(url)
        async with self._session(at).post(at, data=data, headers=headers, allow_redirects=False) as response:
            yield response

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, url: URL) -> aiohttp.ClientSession:
        is_allowed = not self._allowed.isdisjoint((str(url.host), f"{url.host}:{url.port}"))
        if is_allowed not in self._sessions:
            limits = self._limits
            connector = (
                aiohttp.TCPConnector()
                if is_allowed
                else aiohttp.TCPConnector(
                    resolver=_PublicResolver(), use_dns_cache=False, socket_factory=_public_socket
                )
            )
            timeout = aiohttp.ClientTimeout(
                total=limits.total_s, connect=limits.connect_s, sock_connect=limits.connect_s, sock_read=limits.idle_s
            )
            # No cookies: one owner's visit must not be another's. No proxy of the environment: it would reach for us.
            self._sessions[is_allowed] = aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._sessions[is_allowed]


def is_public(address: str) -> bool:
    """True when an IP address is one of the open internet: not private, loopback, link-local, shared, reserved or
    multicast, nor an IPv6 address that stands for such an IPv4 one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(ip.packed[-4:])
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _joined(at: URL, target: str) -> str:
    try:
        return str(at.join(URL(target)))
    except ValueError:
        # Escaped, as it may hold what no encoding has.
        raise RefusedAddressError(f"{target[:200]!a} is not a web address") from None


def _web_url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        raise RefusedAddressError(f"{text[:200]} is not a web address") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise RefusedAddressError(f"{text[:200]} is not an http or https address")
    return url


class _PublicResolver(AbstractResolver):
    """Resolves names, and refuses one that leads anywhere else than to the open internet."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            found = await self._resolver.resolve(host, port, family)
        except UnicodeError:
            raise socket.gaierror(socket.EAI_NONAME, "no name of a host") from None
        for result in found:
            _check(result["host"], host)
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _public_socket(info: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, address = info
    _check(str(address[0]), str(address[0]))
    return socket.socket(family, kind, protocol)


def _check(address: str, host: str) -> None:
    if not is_public(address):
        raise RefusedAddressError(f"{host} leads to {address}, which is not a public address")
