"""One Kafka node (KRaft: broker and controller) on loopback, with what it keeps in one folder."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from clipmill_cli.kafka.jars import kafka_jars
from clipmill_cli.kafka.java import java
from clipmill_shared.errors import ClipmillError

READY = "Kafka Server started"
_JVM = (
    "-Xms96m",
    "-XX:+UseSerialGC",
    # Starts in half the time, and one machine's load is far from needing what the second compiler would give.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)


@dataclass(frozen=True)
class Node:
    """A node that is ready to be started by `command` in `folder`; it says READY when it serves `bootstrap`."""

    folder: Path
    port: int
    command: tuple[str, ...]

    @property
    def settings(self) -> Path:
        return self.folder / "server.properties"

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"


def prepared_node(folder: Path, port: int = 0, heap_mib: int = 384) -> Node:
    """A node whose data lies in `folder`; the storage is formatted the first time, and kept from then on.

    `port` 0 takes a free one. Errors: JAVA_MISSING, KAFKA_JARS_MISSING, KAFKA_JAR_CHANGED, KAFKA_FORMAT_FAILED,
    KAFKA_PORT_TAKEN.
    """
    jars = kafka_jars(folder / "jars")
    program = (str(java()), *_JVM, f"-Xmx{heap_mib}m", "-cp", os.pathsep.join(map(str, jars)))
    client, controller = _ports(port)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    settings = folder / "server.properties"
    settings.write_text(_settings(data, client, controller))
    if not (data / "meta.properties").exists():
        _format(program, settings, folder)
    return Node(folder, client, (*program, "kafka.Kafka", str(settings)))


def _format(program: tuple[str, ...], settings: Path, folder: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    done = subprocess.run(
        [*program, "kafka.tools.StorageTool", "format", "-t", cluster.replace("-", "_"), "-c", str(settings)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ClipmillError(
            "KAFKA_FORMAT_FAILED",
            f"Kafka's storage in {folder} could not be prepared: {_end(done.stdout + done.stderr)}.",
            "See that the folder can be written and that Java is 17 or newer.",
        )


def _end(said: str) -> str:
    return " ".join(said.split())[-500:]


def _ports(port: int) -> tuple[int, int]:
    """The port for clients, `port` unless that is 0, and one for the controller: both free."""
    with socket.socket() as client, socket.socket() as controller:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            client.bind(("127.0.0.1", port))
        except OSError as error:
            raise ClipmillError(
                "KAFKA_PORT_TAKEN", f"The port {port} is taken.", "Name another one, or 0 for any that is free."
            ) from error
        controller.bind(("127.0.0.1", 0))
        return client.getsockname()[1], controller.getsockname()[1]


def _settings(data: Path, port: int, controller: int) -> str:
    """For one node and one machine: nothing is replicated, nothing that is waited for is waited for long, and what is
    kept apart from the topics' own retention is small.
    """
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
metadata.max.retention.bytes=67108864
"""
