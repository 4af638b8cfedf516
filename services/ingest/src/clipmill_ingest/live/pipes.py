"""A pipe into the child that records: what is fetched here is read there."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
from pathlib import Path

LOOK_S = 0.02


class Pipe:
    """Written as fast as it is read; nothing else bounds what is on its way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path, 0o600)
        # For both directions: opening does not wait for the reader then.
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    async def write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:
                await asyncio.sleep(LOOK_S)

    async def end(self) -> None:
        """Close once all has been read: what a pipe holds is lost with its last end, and the child may open it late."""
        while self._unread():  # noqa: ASYNC110 - a pipe tells nobody that it has been read
            await asyncio.sleep(LOOK_S)
        self.close()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _unread(self) -> int:
        count = fcntl.ioctl(self._file, termios.FIONREAD, bytes(4))
        return int.from_bytes(count, sys.byteorder)
