"""What is said while a broker is away."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from clipmill_shared.bus import kafka_reading
from clipmill_shared.bus.kafka_reading import Reading, Source


async def test_a_topic_that_cannot_be_read_is_complained_of_seldom(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kafka_reading, "AFTER_ERROR_S", 0)
    tries = 0

    class Away(Reading):
        async def _poll(self) -> None:
            nonlocal tries
            tries += 1
            raise ConnectionError if tries < 50 else asyncio.CancelledError

    nothing: Any = SimpleNamespace()
    with capture_logs() as said, pytest.raises(asyncio.CancelledError):
        await Away(Source("t", nothing, 1, nothing), nothing, nothing, 0)._read()

    assert tries == 50
    assert [line["topic"] for line in said] == ["t"]
