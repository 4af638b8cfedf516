"""What a live source of the web refers to, had through the guarded client: playlists, segments, keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from clipmill_ingest.download import shown
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import GuardedHttp

CHUNK_BYTES = 1 << 18
# Of a playlist, or a header of segments.
MAX_HELD_BYTES = 4 << 20


class Fetching:
    """`name` is how the user knows the source.

    Errors: RefusedAddressError, aiohttp.ClientError, TimeoutError, and ClipmillError INPUT_URL_NOT_FOUND.
    """

    def __init__(self, http: GuardedHttp, name: str) -> None:
        self._http = http
        self.name = name

    @asynccontextmanager
    async def get(self, url: str, headers: Mapping[str, str] = {}) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._http.get(url, headers) as response:
            if not response.ok:
                raise ClipmillError(
                    "INPUT_URL_NOT_FOUND",
                    f"{shown(url)} answers {response.status} {response.reason or ''}".rstrip() + ".",
                    "Check the address in a player.",
                )
            if "Range" in headers and response.status != HTTPStatus.PARTIAL_CONTENT:
                raise unsupported(self.name, "its server gives no parts of files")
            yield response

    async def rest(self, response: aiohttp.ClientResponse, known: bytes = b"") -> bytes:
        """The whole of a body that begins with `known`. INPUT_HLS_UNSUPPORTED when it is too much to hold."""
        while len(known) <= MAX_HELD_BYTES:
            if not (more := await response.content.read(CHUNK_BYTES)):
                return known
            known += more
        raise unsupported(self.name, "its playlist is too long")


def unsupported(name: str, why: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_HLS_UNSUPPORTED",
        f"{name} cannot be recorded: {why}.",
        "Record it with another program into a file that grows, and give that file.",
    )
