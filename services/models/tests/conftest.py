from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from registry_world import RegistryWorld

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def models_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children find the tests' models as this process does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RegistryWorld]:
    async with RegistryWorld.running(tmp_path) as world:
        yield world


@pytest.fixture
async def world_on_each(tmp_path: Path, sql_url: str) -> AsyncIterator[RegistryWorld]:
    """On each kind of database."""
    async with RegistryWorld.running(tmp_path, sql_url) as world:
        yield world
