from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from catalog_world import CatalogWorld


@pytest.fixture
async def world(tmp_path: Path, sql_url: str) -> AsyncIterator[CatalogWorld]:
    async with CatalogWorld.running(tmp_path, sql_url) as world:
        yield world
