"""A real Apache Kafka as a child process of the tests: one node (KRaft), on loopback, gone when its parent is."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clipmill_cli.kafka.node import READY, Node, prepared_node
from clipmill_shared.compute.tied import tied

READY_S = 60.0
HEAP_MIB = 256


class HarnessError(Exception):
    """A real server did not start; the message says what it said."""


class Broker:
    """A broker at one address, for tests that kill it, start it again, or take its data away.

    `adjust` may rewrite the settings' file before each start.
    """

    def __init__(self, folder: Path, adjust: Callable[[Path], None] = lambda _settings: None) -> None:
        self._folder = folder
        self._adjust = adjust
        self._node: Node | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "broker.log"

    @property
    def bootstrap(self) -> str:
        assert self._node is not None
        return self._node.bootstrap

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, at the address it had before; returns when it answers. HarnessError when it does not."""
        folder = self._folder / "node"
        folder.mkdir(parents=True, exist_ok=True)
        self._node = prepared_node(folder, self._node.port if self._node else 0, HEAP_MIB)
        self._adjust(self._node.settings)
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                tied(self._node.command), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + READY_S
        while READY not in self.log.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise HarnessError(f"Kafka did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as `kill -9` does; its data stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wipe(self) -> None:
        """Take its data away while it is stopped; what starts next is another cluster at the same address."""
        shutil.rmtree(self._folder / "node")


@contextmanager
def kafka() -> Iterator[Broker]:
    """Run a broker for as long as the context lasts. ClipmillError when there is no Java or there are no jars."""
    with tempfile.TemporaryDirectory(prefix="clipmill-kafka-") as name:
        broker = Broker(Path(name))
        try:
            broker.start()
            yield broker
        finally:
            # Its data goes with it, so there is nothing to shut down in order.
            broker.kill()
