"""What a process of services does on a real Kafka: its topics, its end when a part of it breaks."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from harness.kafka import Broker

from clipmill import topics
from clipmill_cli.service import serve
from clipmill_shared.bus.kafka_topics import identify
from clipmill_shared.platform import Platform
from clipmill_shared.platform_settings import PlatformSettings
from clipmill_shared.service import LoopFailedError, Service

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]


@pytest.fixture
def settings(broker: Broker, tmp_path) -> PlatformSettings:
    prefix = f"{uuid.uuid4().hex[:8]}."
    return PlatformSettings(data_dir=tmp_path, kafka_bootstrap=broker.bootstrap, kafka_prefix=prefix)


async def test_a_loop_that_fails_ends_the_process_and_names_its_service(settings):
    stopped = asyncio.Event()

    async def fails() -> None:
        raise ValueError("no such column")

    async def stop() -> None:
        stopped.set()

    def build(_platform: Platform) -> Service:
        return Service(name="ledger", loops=(fails,), stop=stop)

    with pytest.raises(LoopFailedError, match="ledger"):
        await serve(["ledger"], settings, {"ledger": build})
    assert stopped.is_set()


async def test_every_topic_is_there_before_a_service_starts_and_scratch_is_gone_after_it(settings):
    found: dict[str, str] = {}

    def build(platform: Platform) -> Service:
        async def start() -> None:
            names = {settings.kafka_prefix + topic.name for topic in topics.ALL}
            found.update((await identify(settings.kafka_bootstrap, names)).topic_ids)
            (platform.scratch / "part").write_bytes(b"x")
            raise LoopFailedError("enough")

        return Service(name="ledger", start=start)

    with pytest.raises(LoopFailedError, match="enough"):
        await serve(["ledger"], settings, {"ledger": build})
    assert len(found) == len(topics.ALL)
    assert list((settings.home / "scratch").iterdir()) == []
