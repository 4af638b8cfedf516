"""A real server as a child process of the tests: on loopback, at one port, gone when its parent is."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

READY_S = 30.0


class ServerError(Exception):
    """A real server did not start; the message says what it said."""


class Server:
    """A server that tests may kill and start again at the same address.

    `command` makes its command line of its port, tied to this process; `is_ready` says whether it answers there.
    """

    def __init__(self, folder: Path, command: Callable[[int], Sequence[str]], is_ready: Callable[[int], bool]) -> None:
        self._folder = folder
        self._command = command
        self._is_ready = is_ready
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def start(self) -> None:
        """Start it, unless it runs; returns when it answers. ServerError when it does not."""
        log = self._folder / "server.log"
        deadline = time.monotonic() + READY_S
        while self._process is None or self._process.poll() is not None or not self._is_ready(self.port):
            if time.monotonic() > deadline:
                raise ServerError(f"it did not start:\n{log.read_text()[-2000:]}")
            # Again, because the children of one that was killed may hold what the next one needs a moment longer.
            if self._process is None or self._process.poll() is not None:
                with log.open("ab") as out:
                    self._process = subprocess.Popen(
                        self._command(self.port), cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
                    )
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it: at once, or as `how` says. Its data stays."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    """True when something listens at the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
