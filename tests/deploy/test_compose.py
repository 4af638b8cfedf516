"""docker-compose.yml: valid, locked down, and what it runs is what the tests run as processes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from deploy.conftest import ROOT, Container

from clipmill_cli.kafka import jars
from clipmill_cli.main import cli
from clipmill_cli.service import BUILDERS

# In its image there is nothing that could ask.
WITHOUT_HEALTH_CHECK = {"otel-collector"}
# One-off jobs end, and are not asked how they are.
JOBS = {"migrate-ingest", "migrate-catalog", "migrate-scoring", "migrate-models"}


def test_it_is_valid_by_the_schema_of_compose():
    tool = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*tool, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_each_service_has_one_container_and_one_image(containers: dict[str, Container]):
    ours = {c.name: c.content["command"] for c in containers.values() if c.is_ours and c.name not in JOBS}
    assert ours == {name: ["service", name] for name in BUILDERS}
    assert len({str(c.content["build"]) for c in containers.values() if c.is_ours}) == 1


def test_each_command_of_ours_is_one_that_there_is(containers: dict[str, Container]):
    for container in containers.values():
        if container.is_ours:
            answer = CliRunner().invoke(cli, [*container.content["command"], "--help"])
            assert answer.exit_code == 0, (container.name, answer.output)


def test_the_configuration_of_each_container_of_ours_is_right(
    containers: dict[str, Container], secrets: Path, monkeypatch: pytest.MonkeyPatch
):
    for container in containers.values():
        if not container.is_ours:
            continue
        with monkeypatch.context() as environment:
            for name, value in container.environment.items():
                environment.setenv(name, value.replace("/run/secrets", str(secrets)))
            answer = CliRunner().invoke(cli, ["config", "check"])
        assert answer.exit_code == 0, (container.name, answer.output)


def test_every_image_is_pinned_by_version(containers: dict[str, Container]):
    images = {str(container.content["image"]) for container in containers.values()}
    assert [image for image in images if not re.search(r":v?\d+\.\d+", image)] == []


def test_kafka_is_the_one_that_the_tests_run(containers: dict[str, Container]):
    version = jars.COORDINATES.split(":")[2].partition("+")[0]
    assert containers["kafka"].content["image"] == f"apache/kafka:{version}"


def test_every_container_is_limited_locked_down_started_again_and_asked_how_it_is(containers: dict[str, Container]):
    for container in containers.values():
        content = container.content
        assert {"cpus", "memory"} <= content["deploy"]["resources"]["limits"].keys(), container.name
        assert content["cap_drop"] == ["ALL"] and "no-new-privileges:true" in content["security_opt"], container.name
        assert content["restart"] == ("no" if container.name in JOBS else "unless-stopped"), container.name
        is_asked = "test" in content.get("healthcheck", {}) or (container.is_ours and container.name not in JOBS)
        assert is_asked == (container.name not in WITHOUT_HEALTH_CHECK | JOBS), container.name
        assert content.get("read_only") or container.name in {"kafka", "postgres", "triton"}, container.name


def test_what_is_published_is_published_on_this_machine_alone(containers: dict[str, Container]):
    published = {c.name: c.content["ports"] for c in containers.values() if "ports" in c.content}
    assert published.keys() == {"gateway", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_no_secret_stands_in_the_file(compose: dict[str, Any], containers: dict[str, Container], secrets: Path):
    for container in containers.values():
        for name, value in container.environment.items():
            assert not re.search(r"PASSWORD|SECRET|TOKEN|SQL_URL", name) or value.startswith("/run/secrets/"), name
        for secret in container.secrets:
            assert compose["secrets"][secret]["file"] == f"deploy/docker/secrets/{secret}"
        mentioned = set(re.findall(r"/run/secrets/(\w+)", str(container.content)))
        assert mentioned <= set(container.secrets), container.name
    made = {path.name for path in secrets.iterdir()}
    # The public keys are made beside the signing key: docs/operations.md.
    assert compose["secrets"].keys() - made == {"auth_jwks"}
    assert secrets.stat().st_mode & 0o077 == 0


def test_secrets_stay_when_they_are_made_again(secrets: Path):
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run(["sh", ROOT / "deploy/docker/secrets.sh", secrets], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before


def test_all_that_is_waited_for_is_there(compose: dict[str, Any], containers: dict[str, Container]):
    for container in containers.values():
        for name, how in container.content.get("depends_on", {}).items():
            assert name in containers
            is_job = how["condition"] == "service_completed_successfully"
            assert is_job == (name in JOBS) and name not in WITHOUT_HEALTH_CHECK
        for volume in container.content.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or source.startswith("./"), source


def test_what_is_mounted_from_the_repository_is_in_it(containers: dict[str, Container]):
    mounted = {v.split(":")[0] for c in containers.values() for v in c.content.get("volumes", ()) if "./deploy" in v}
    assert mounted and all((ROOT / path).exists() for path in mounted)


def test_the_example_names_the_variables_that_there_are():
    text = (ROOT / "docker-compose.yml").read_text()
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    example = (ROOT / "deploy/docker/env.example").read_text()
    named = dict(re.findall(r"^#?([A-Z]\w+)=(.*)$", example, re.MULTILINE))
    assert named.items() <= used.items()
    assert used.keys() - named.keys() == {"MODELS"}


def test_the_gateway_knows_where_each_api_is(containers: dict[str, Container]):
    gateway = (ROOT / "deploy/docker/gateway.conf").read_text()
    ports = dict(re.findall(r"set \$(\w+) (\w+:\d+);", gateway))
    assert ports == {
        name: f"{name}:{containers[name].environment['CLIPMILL_GRPC_ADDRESS'].rpartition(':')[2]}"
        for name in ("ingest", "catalog", "audio", "vision", "scoring", "models")
    }
    # What is no other's is ingest's.
    for name in ports.keys() - {"ingest"}:
        assert f"location /clipmill.{name}.v1. {{ grpc_pass grpc://${name}; }}" in gateway


def test_the_other_files_are_yaml():
    for path in (ROOT / "deploy").rglob("*.y*ml"):
        assert yaml.safe_load(path.read_text()), path
