from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clipmill.client import Client

sys.path.insert(0, str(Path(__file__).parent))
from fake_clipmill import FakeClipmill


@pytest.fixture
async def clipmill(tmp_path: Path) -> AsyncIterator[FakeClipmill]:
    fake = FakeClipmill(f"unix:{tmp_path}/s")
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def client(clipmill: FakeClipmill) -> AsyncIterator[Client]:
    async with Client(clipmill.address, patience_s=10) as client:
        yield client
