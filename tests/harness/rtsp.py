"""An RTSP server on loopback (RFC 2326, all interleaved into TCP) that passes on what a publisher records to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

FRAME = b"$"


@dataclass
class RtspServer:
    """One stream at one path. Who publishes is held back until somebody plays; after that nobody waits for anybody.

    `credentials` ("Basic ..." of RFC 7617) are asked of who plays. While `is_silent` no request is answered.
    """

    path: str
    credentials: str = ""
    is_silent: bool = False
    # After so many packets the connections of all who play break off, once.
    breaks_after: int = -1
    port: int = 0
    # The methods of all requests.
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._description = b""
        self._was_played = asyncio.Event()
        self._players: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[RtspServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._was_played.set()
            _abort(self._connections)
            while self._connections:
                await asyncio.sleep(0)

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{self.path}"

    async def until(self, method: str) -> None:
        """Wait for a request of this method."""
        while method not in self.asked:
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await self._take(reader, writer)
        finally:
            self._players.discard(writer)
            self._connections.discard(writer)
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One frame of a publisher's, or one request."""
        first = await reader.readexactly(1)
        if first == FRAME:
            head = await reader.readexactly(3)
            frame = first + head + await reader.readexactly(int.from_bytes(head[1:], "big"))
            if writer not in self._players:
                await self._was_played.wait()
                for player in self._players:
                    player.write(frame)
                self.breaks_after -= 1
                if self.breaks_after == 0:
                    _abort(self._players)
            return
        line, *rest = (first + await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest if each)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, url, _ = line.split(" ")
        self.asked.append(method)
        if not self.is_silent:
            status, more = self._answered(method, url, headers, body)
            if method == "PLAY":
                self._players.add(writer)
                self._was_played.set()
            content = self._description if method == "DESCRIBE" and status.startswith("200") else b""
            answer = {"CSeq": headers["cseq"], "Session": "1", "Content-Length": str(len(content)), **more}
            lines = "".join(f"{name}: {value}\r\n" for name, value in answer.items())
            writer.write(f"RTSP/1.0 {status}\r\n{lines}\r\n".encode() + content)

    def _answered(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[str, dict[str, str]]:
        if method == "OPTIONS":
            return "200 OK", {"Public": "DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, TEARDOWN"}
        if method == "ANNOUNCE":
            self._description = body
        elif method == "DESCRIBE":
            if self.credentials and headers.get("authorization") != self.credentials:
                return "401 Unauthorized", {"WWW-Authenticate": 'Basic realm="talks"'}
            if not self._description or not url.endswith(f"/{self.path}"):
                return "404 Not Found", {}
            return "200 OK", {"Content-Type": "application/sdp", "Content-Base": f"{url}/"}
        elif method == "SETUP":
            return "200 OK", {"Transport": headers["transport"].replace("mode=record", "mode=receive")}
        return "200 OK", {}


def _abort(connections: set[asyncio.StreamWriter]) -> None:
    for connection in connections:
        connection.transport.abort()
