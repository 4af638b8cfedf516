"""A TCP proxy that can misbehave: what a network does between a client and its server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Forwards bytes between its own port on loopback and one of another server.

    `delay_s` holds each piece back so long. While `is_cut` connections are refused and open ones are closed; while
    `is_silent` connections stay open and nothing passes (half-open: neither side is told), and what came meanwhile is
    passed on afterwards.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.delay_s = 0.0
        self.port = 0
        self._passing = asyncio.Event()
        self._passing.set()
        self._is_cut = False
        self._connections: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Close what is open and refuse what comes."""
        self._is_cut = True
        for connection in list(self._connections):
            connection.cancel()

    def silence(self) -> None:
        """Pass nothing on, and tell nobody."""
        self._passing.clear()

    def heal(self) -> None:
        self._is_cut, self.delay_s = False, 0.0
        self._passing.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for connection in list(self._connections):
                connection.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        far = None
        try:
            if self._is_cut:
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target_port)
            ways = [
                asyncio.ensure_future(self._pump(reader, far)),
                asyncio.ensure_future(self._pump(far_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # A closed connection is all that a network would show, too.
        finally:
            self._connections.discard(task)
            for end in (writer, far):
                if end is not None:
                    end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(1 << 16):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._passing.wait()
                writer.write(piece)
                await writer.drain()
