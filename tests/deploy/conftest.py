"""The compose file as its containers see it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dockerfile
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Container:
    """A service of the compose file, merged, with its variables at their defaults."""

    name: str
    content: Mapping[str, Any]

    @property
    def is_ours(self) -> bool:
        return str(self.content["image"]).startswith("clipmill:")

    @property
    def environment(self) -> dict[str, str]:
        """What its process finds in its environment: the image's, then its own."""
        return {**(image_environment() if self.is_ours else {}), **self.content.get("environment", {})}

    @property
    def secrets(self) -> list[str]:
        return list(self.content.get("secrets", ()))


def image_environment() -> dict[str, str]:
    """ENV of the image, CLIPMILL_... only."""
    found: dict[str, str] = {}
    for command in dockerfile.parse_file(str(DOCKERFILE)):
        if command.cmd.upper() == "ENV":
            found |= dict(zip(command.value[::2], command.value[1::2], strict=True))
    return {name: value.strip('"') for name, value in found.items() if name.startswith("CLIPMILL_")}


def _at_default(value: Any) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: found[2] or "", value)
    if isinstance(value, dict):
        return {key: _at_default(item) for key, item in value.items()}
    return [_at_default(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = _at_default(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))
    return content


@pytest.fixture(scope="session")
def containers(compose: dict[str, Any]) -> dict[str, Container]:
    return {name: Container(name, content) for name, content in compose["services"].items()}


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that deploy/docker/secrets.sh makes."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run(["sh", ROOT / "deploy/docker/secrets.sh", folder], check=True, capture_output=True)
    return folder
