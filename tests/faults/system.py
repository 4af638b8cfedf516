"""The system under fault: real Kafka, a process a service, stand-ins for the models, and who restarts what ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from faults.engines import Engines
from harness.kafka import Broker, HarnessError
from harness.proxy import Proxy
from harness.second_listener import free_port, second_listener

from clipmill.client import Client
from clipmill_shared.compute.tied import tied

TESTS = Path(__file__).parents[1]
# Vision's broker is behind the proxy.
BEHIND_PROXY = "vision"
SERVICES = ("ingest", "catalog", "audio", "vision", "scoring", "render")
WORKERS = ("audio", "vision", "scoring", "render")
PROCESS = (sys.executable, "-m", "harness.stand_in_process")
RESTART_AFTER_S = 0.5
READY_S = 60.0
STARTS_AT_MOST = 4
STOP_S = 20.0


@dataclass
class Child:
    """A process of the system; while `is_wanted` it is started again when it ends."""

    name: str
    services: tuple[str, ...]
    log: Path
    process: asyncio.subprocess.Process | None = None
    is_wanted: bool = True
    starts: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def peak_bytes(self) -> int:
        """The most memory that the running process has had at once."""
        return _status_bytes(self.pid, "VmHWM")

    @property
    def resident_bytes(self) -> int:
        return _status_bytes(self.pid, "VmRSS")


class System:
    """Processes of one system in `folder`, on SQLite and folders, or on `engines`; `environment` goes to all."""

    def __init__(self, folder: Path, environment: Mapping[str, str], engines: Engines | None = None) -> None:
        self.folder = folder
        self.engines = engines
        self.to_store = Proxy(engines.s3.server.port if engines else 0)
        self.videos = folder / "videos"
        self.control = folder / "control"
        self.proxy = Proxy(0)
        self.children: dict[str, Child] = {}
        self._environment = dict(environment)
        self._ports = {name: free_port() for name in ("ingest", "catalog")}
        for each in (self.videos, self.control, folder / "logs", folder / "kafka"):
            each.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[System]:
        """Start everything; end everything that was started."""
        async with self.proxy.running(), self.to_store.running():
            if self.engines:
                self._environment = await self.engines.environment(self.to_store.port) | self._environment
            self.proxy.target_port = free_port()
            self.broker = Broker(self.folder / "kafka", second_listener(self.proxy.target_port, self.proxy.port))
            await asyncio.to_thread(self.broker.start)
            try:
                async with self._clients():
                    await asyncio.gather(*(self.start(name) for name in SERVICES))
                    yield self
            finally:
                await asyncio.gather(*(self.end(name) for name in list(self.children)))
                await asyncio.to_thread(self.broker.kill)

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[None]:
        async with (
            Client(self.address("ingest"), deadline_s=10) as self.jobs,
            Client(self.address("catalog"), deadline_s=10) as self.clips,
        ):
            yield

    def address(self, service: str) -> str:
        """Where the API of ingest or the catalog is."""
        return f"127.0.0.1:{self._ports[service]}"

    async def start(self, name: str) -> Child:
        """Start a process by name, "render" or "render-2", and wait until it works."""
        child = Child(name, (name.partition("-")[0],), self.folder / "logs" / f"{name}.log")
        self.children[name] = child
        child.watch = asyncio.create_task(self._keep(child))
        async with asyncio.timeout(READY_S):
            while not child.ready.is_set():
                await asyncio.sleep(0.05)
                if child.starts >= STARTS_AT_MOST:
                    raise HarnessError(f"{name} does not start:\n{child.log.read_text()[-3000:]}")
        return child

    async def end(self, name: str) -> None:
        """Stop a process in order, and for good; one that does not obey is killed."""
        child = self.children.pop(name)
        child.is_wanted = False
        for number in (signal.SIGCONT, signal.SIGTERM):
            child.signal(number)
        assert child.watch is not None
        try:
            async with asyncio.timeout(STOP_S):
                await asyncio.shield(child.watch)
        except TimeoutError:
            child.signal(signal.SIGKILL)
            await child.watch

    def tell(self, name: str, fault: str, what: str = "") -> None:
        """Make a fault inside a process; see harness.stand_in_process.Faults."""
        (self.control / f"{name}.{fault}").write_text(what)

    def untell(self, name: str, fault: str) -> None:
        (self.control / f"{name}.{fault}").unlink(missing_ok=True)

    async def died(self, name: str, after: int, patience_s: float = 30.0) -> bool:
        """Wait until a process that had been started `after` times has been started again and works."""
        child = self.children[name]
        try:
            async with asyncio.timeout(patience_s):
                while child.starts == after:
                    await asyncio.sleep(0.05)
                await child.ready.wait()
        except TimeoutError:
            return False
        return True

    async def _keep(self, child: Child) -> None:
        """Run a process again and again while it is wanted, as every supervisor does."""
        while child.is_wanted:
            announce = child.log.with_suffix(".up")
            announce.unlink(missing_ok=True)
            with child.log.open("ab") as log:
                child.process = await asyncio.create_subprocess_exec(
                    *tied((*PROCESS, child.name, str(announce), *child.services)),
                    env=self._environment_of(child),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            child.starts += 1
            ended = asyncio.ensure_future(child.process.wait())
            while not ended.done() and not announce.exists():
                await asyncio.sleep(0.05)
            if announce.exists():
                child.ready.set()
            await ended
            child.ready.clear()
            if child.is_wanted:
                await asyncio.sleep(RESTART_AFTER_S)

    def _environment_of(self, child: Child) -> dict[str, str]:
        service = child.services[0]
        bootstrap = f"127.0.0.1:{self.proxy.port}" if service == BEHIND_PROXY else self.broker.bootstrap
        return {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "STAND_IN_CONTROL": str(self.control),
            "STAND_IN_NONCE": "1",
            "CLIPMILL_DATA_DIR": str(self.folder / "data"),
            "CLIPMILL_KAFKA_BOOTSTRAP": bootstrap,
            "CLIPMILL_IMPORT_ROOTS": str(self.videos),
            "CLIPMILL_GRPC_ADDRESS": f"127.0.0.1:{self._ports.get(service, 0)}",
            **self._environment,
        }


def _status_bytes(pid: int, field_name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field_name}:"):
            return int(line.split()[1]) * 1024
    return 0
