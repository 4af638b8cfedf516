"""One child process for the tests of a file, so that the models are loaded once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from clipmill_shared.compute import Children


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def children() -> AsyncIterator[Children]:
    children = Children("clipmill_audio.work:hear", slots=1)
    yield children
    await children.close()
