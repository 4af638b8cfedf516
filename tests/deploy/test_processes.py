"""Every container of ours, run as a process: its command, its environment, its secrets and its health check, with the
names of other containers replaced by the addresses of local servers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import dockerfile
import grpc
import pytest
from deploy.conftest import DOCKERFILE, ROOT, Container
from grpc_health.v1 import health_pb2, health_pb2_grpc
from harness.kafka import Broker
from harness.postgres import INSTALLED, Postgres
from harness.postgres import postgres as run_postgres
from harness.redis import redis, servers
from harness.server import free_port
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from clipmill_shared.auth import SigningKey, write_jwks
from clipmill_shared.compute.tied import tied

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]
READY_S = 90.0


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """In the place of the OpenTelemetry collector: what services have sent it."""

    def __init__(self) -> None:
        self.services: set[str] = set()
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def Export(self, request, context):  # noqa: N802
        for each in request.resource_spans:
            names = {a.key: a.value.string_value for a in each.resource.attributes}
            self.services.add(names["service.name"])
        return trace_service_pb2.ExportTraceServiceResponse()

    def stop(self) -> None:
        self._server.stop(0).wait()


@dataclass
class Process:
    """A container as a process."""

    container: Container
    environment: Mapping[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        # The image's entry point is `clipmill`.
        return [sys.executable, "-m", "clipmill_cli.main", *self.container.content["command"]]

    def start(self) -> None:
        with self.log.open("wb") as out:
            self.running = subprocess.Popen(tied(self.command), env=self.environment, stdout=out, stderr=out)

    def run(self) -> None:
        """A one-off job."""
        done = subprocess.run(self.command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def wait_until_ready(self) -> None:
        """Ask as the image's health check does."""
        assert self.running is not None
        deadline = time.monotonic() + READY_S
        while subprocess.run(health_check(), env=self.environment, capture_output=True, check=False).returncode:
            assert self.running.poll() is None and time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.3)

    def metrics(self) -> str:
        address = self.environment["CLIPMILL_HTTP_ADDRESS"]
        with urllib.request.urlopen(f"http://{address}/metrics") as answer:
            return answer.read().decode()


def health_check() -> list[str]:
    (check,) = (command for command in dockerfile.parse_file(str(DOCKERFILE)) if command.cmd == "HEALTHCHECK")
    assert check.value[0] == "CMD-SHELL" or check.value[0] == "CMD"
    words = json.loads(check.value[1]) if check.value[1].startswith("[") else list(check.value[1:])
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


@pytest.fixture(scope="module")
def database(secrets: Path) -> Iterator[Postgres]:
    """A PostgreSQL prepared by the script that its container runs."""
    with run_postgres() as server:
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(server.server.port)}
        path = {"PATH": f"{INSTALLED / 'bin'}:{os.environ['PATH']}", "SECRETS": str(secrets)}
        environment = {**path, **where, "POSTGRES_USER": "admin", "POSTGRES_DB": "clipmill"}
        subprocess.run(["createdb", "--username=admin", "clipmill"], env=environment, check=True)
        subprocess.run(["sh", ROOT / "deploy/docker/postgres-init.sh"], env=environment, check=True)
        yield server


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def processes(
    containers: dict[str, Container],
    secrets: Path,
    broker: Broker,
    database: Postgres,
    collector: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Process]]:
    """Every container of ours, up."""
    folder = tmp_path_factory.mktemp("containers")
    (folder / "videos").mkdir()
    write_jwks(secrets / "auth_jwks", [SigningKey.make().public])
    for name in ("ingest", "catalog", "scoring", "models"):
        url = (secrets / f"{name}_sql_url").read_text().replace("@postgres/", f"@127.0.0.1:{database.server.port}/")
        (folder / f"{name}_sql_url").write_text(url)
    with ExitStack() as stack:
        cache = stack.enter_context(redis(next(iter(servers().values()))))
        places = {
            "kafka:9092": broker.bootstrap,
            "redis:6379": f"127.0.0.1:{cache.port}",
            "http://otel-collector:4317": f"http://127.0.0.1:{collector.port}",
            "/var/lib/clipmill": str(folder / "data"),
            "/videos": str(folder / "videos"),
            "/run/secrets/auth_jwks": str(secrets / "auth_jwks"),
            "/run/secrets": str(folder),
        }

        def started(container: Container) -> Process:
            environment = {"PATH": os.environ["PATH"], "CLIPMILL_KAFKA_PREFIX": "compose-"}
            for name, value in container.environment.items():
                local = value.replace("0.0.0.0:9464", f"127.0.0.1:{free_port()}")
                local = local.replace("0.0.0.0:7431", f"127.0.0.1:{free_port()}")
                for there, here in places.items():
                    local = local.replace(there, here)
                environment[name] = local
            # One in a hundred would be a long wait.
            environment["CLIPMILL_TRACE_SHARE"] = "1"
            return Process(container, environment, folder / f"{container.name}.log")

        ours = {name: started(container) for name, container in containers.items() if container.is_ours}
        for name in [name for name in ours if name.startswith("migrate-")]:
            ours.pop(name).run()
        for process in ours.values():
            process.start()
            stack.callback(process.running.kill)
        for process in ours.values():
            process.wait_until_ready()
        yield ours


def test_every_container_gets_ready_and_the_workers_are_known_to_ingest(processes: dict[str, Process]):
    deadline = time.monotonic() + READY_S
    unknown = {"import", "audio", "vision", "scoring", "render"}
    while unknown:
        page = processes["ingest"].metrics()
        slots = [line for line in page.splitlines() if line.startswith("clipmill_workers_slots")]
        unknown = {stage for stage in unknown if not any(f'stage="{stage}"' in s and " 0.0" not in s for s in slots)}
        assert time.monotonic() < deadline, (unknown, page[-3000:])
        time.sleep(0.5)


def test_each_api_that_the_gateway_knows_answers(processes: dict[str, Process]):
    gateway = (ROOT / "deploy/docker/gateway.conf").read_text()
    packages = {name: f"clipmill.{name}.v1." for name in re.findall(r"set \$(\w+) \w+:\d+;", gateway)}
    for name, package in (packages | {"ingest": "clipmill.jobs.v1."}).items():
        with grpc.insecure_channel(processes[name].environment["CLIPMILL_GRPC_ADDRESS"]) as channel:
            asked = health_pb2.HealthCheckRequest(service=f"{package}{name.capitalize()}Service")
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_what_the_dashboards_group_by_is_there(processes: dict[str, Process]):
    deadline = time.monotonic() + READY_S
    while "clipmill_jobs_open{" not in (page := processes["ingest"].metrics()):
        # It is measured every few seconds, not at the start.
        assert time.monotonic() < deadline, page[-3000:]
        time.sleep(0.3)
    assert 'clipmill_bus_handled_total{group="ingest",' in page and 'topic="workers.status.v1"' in page
    assert 'clipmill_bus_lag{group="ingest",' in page
    assert 'clipmill_outbox_waiting{database="' in page
    assert 'state="QUEUED"' in page
    assert "process_start_time_seconds" in page
    assert "clipmill_bus_published_total{" in processes["audio"].metrics()


def test_traces_reach_the_collector(processes: dict[str, Process], collector: Collector):
    deadline = time.monotonic() + READY_S
    while "clipmill-ingest" not in collector.services:
        assert time.monotonic() < deadline, collector.services
        time.sleep(0.3)


def test_a_role_sees_its_own_schema_alone(processes: dict[str, Process], database: Postgres):
    asked = [INSTALLED / "bin/psql", "-h", "127.0.0.1", "-p", str(database.server.port), "-U", "catalog", "clipmill"]
    own = subprocess.run([*asked, "-c", "SELECT count(*) FROM videos"], capture_output=True, text=True, check=False)
    others = subprocess.run([*asked, "-c", "SELECT * FROM ingest.jobs"], capture_output=True, text=True, check=False)
    assert own.returncode == 0, own.stderr
    assert "permission denied for schema ingest" in others.stderr


def test_told_to_stop_each_ends_cleanly(processes: dict[str, Process]):
    for process in processes.values():
        process.running.send_signal(signal.SIGTERM)
    codes = {name: process.running.wait(40) for name, process in processes.items()}
    assert codes == dict.fromkeys(processes, 0)
