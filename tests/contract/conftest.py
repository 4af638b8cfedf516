"""Each backend that the bus's contract is held to, one after another."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from contract.backends import Backend, InProcess, OnKafka
from harness.kafka import Broker

# One worker runs everything that needs the broker, so that there is one broker (pytest -n --dist loadgroup).
ON_KAFKA = (pytest.mark.real, pytest.mark.xdist_group("kafka"))


@pytest.fixture(params=["in process", pytest.param("kafka", marks=ON_KAFKA)])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    if request.param == "in process":
        here: Backend = InProcess()
    else:
        broker: Broker = request.getfixturevalue("broker")
        here = await OnKafka.prepared(broker.bootstrap)
    yield here
    await here.close()
