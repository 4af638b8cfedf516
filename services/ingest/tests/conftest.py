from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from world import World


@pytest.fixture
def world(tmp_path: Path, sql_url: str) -> World:
    return World(tmp_path, sql_url=sql_url)
