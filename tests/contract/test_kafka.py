"""What only Kafka can show: strangers' records, rebalances, topics that are missing or made anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from contract.backends import ORDERED, UNORDERED, OnKafka, request, task, until
from harness.kafka import Broker

from clipmill import topics
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.kafka import KafkaBus
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]
STRANGER = {
    "ce_specversion": "1.0",
    "ce_id": "1",
    "ce_type": "clipmill.jobs.v1.JobRequest",
    "ce_source": "/kcat",
    "ce_ownerid": "ann",
    "content-type": "application/json",
}


@pytest.fixture
async def place(broker: Broker) -> AsyncIterator[OnKafka]:
    here = await OnKafka.prepared(broker.bootstrap)
    yield here
    await here.close()


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event[Any]] = []

    async def __call__(self, event: Event[Any]) -> Sequence[Event[Any]]:
        self.events.append(event)
        return ()


async def test_a_stranger_may_send_json(place: OnKafka) -> None:
    recorder = Recorder()
    await place.write(ORDERED, b"ann", b'{"ownerId": "ann", "idempotencyKey": "k"}', STRANGER)
    async with place.bus().run(Subscription(ORDERED, "readers", recorder)):
        await until(lambda: bool(recorder.events))
    assert recorder.events[0].message.idempotency_key == "k"
    assert recorder.events[0].source == "/kcat"


async def test_what_is_no_event_goes_to_the_dead_letters_as_it_came_and_blocks_nothing(place: OnKafka) -> None:
    recorder, bus = Recorder(), place.bus()
    await place.write(ORDERED, b"ann", b"{nonsense", STRANGER)
    await place.write(ORDERED, b"ann", b"x" * 70_000, STRANGER)
    await bus.publish(request("ann", 1))
    async with bus.run(Subscription(ORDERED, "readers", recorder)):
        await until(lambda: [event.id for event in recorder.events] == ["ann-1"])
        letters = await place.dead_letters(ORDERED, 2)
    assert [letter.error.split(":")[:2] for letter in letters] == [["Poison", " bad JSON"], ["Poison", " oversize"]]
    async for record in place.records(ORDERED.dead_letters):
        assert (record.key, record.value) == (b"ann", b"{nonsense")
        assert {name: value.decode() for name, value in record.headers}.items() >= STRANGER.items()
        break


async def test_work_that_outlasts_a_rebalance_is_not_begun_anew_where_it_runs(place: OnKafka) -> None:
    gate, begun, done, joined = asyncio.Event(), list[str](), list[str](), Recorder()
    first, second = place.bus(), place.bus()

    async def long_work(event: Event[Any]) -> Sequence[Event[Any]]:
        begun.append(event.id)
        await gate.wait()
        done.append(event.id)
        return ()

    async with first.run(Subscription(UNORDERED, "workers", long_work, max_in_flight=100)):
        await first.publish(*(task(n) for n in range(40)))
        await until(lambda: len(begun) == 40)
        # Another member takes half of the partitions, and with them what the first has not finished.
        async with second.run(Subscription(UNORDERED, "workers", joined)):
            await until(lambda: bool(joined.events))
        # It has left; once these have all begun, every partition is back.
        await first.publish(*(task(n) for n in range(40, 80)))
        await until(lambda: {f"task-{n}" for n in range(80)} == set(begun))
        gate.set()
        await until(lambda: len(done) == 80)
    assert len(begun) == 80
    last = Recorder()
    async with place.bus().run(Subscription(UNORDERED, "workers", last)):
        await first.publish(task(80))
        await until(lambda: bool(last.events))
    assert [event.id for event in last.events] == ["task-80"]


async def test_a_missing_topic_is_named_instead_of_read_in_silence(place: OnKafka) -> None:
    with pytest.raises(ClipmillError, match=r"media\.ingested\.v1") as raised:
        async with place.bus().run(Subscription(topics.MEDIA_INGESTED, "readers", Recorder())):
            pass
    assert raised.value.code == "TOPIC_MISSING"


async def test_a_broker_that_does_not_answer_is_named() -> None:
    bus = KafkaBus("127.0.0.1:1", "test")
    with pytest.raises(ClipmillError, match=r"127\.0\.0\.1:1"):
        await bus.publish(request("ann", 1))
    with pytest.raises(ClipmillError, match=r"127\.0\.0\.1:1"):
        async with bus.run(Subscription(ORDERED, "readers", Recorder())):
            pass


async def test_a_topic_that_is_made_anew_has_another_id(place: OnKafka) -> None:
    async def position_of_one() -> Any:
        recorder, bus = Recorder(), place.bus()
        await bus.publish(request("ann", 1))
        async with bus.run(Subscription(ORDERED, "readers", recorder)):
            await until(lambda: bool(recorder.events))
        return recorder.events[0].position

    before = await position_of_one()
    admin = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    await admin.start()
    await admin.delete_topics([place.prefix + ORDERED.name])
    await admin.close()
    setup = KafkaBus(place.bootstrap, "setup", prefix=place.prefix)
    await setup.ensure_topics((ORDERED,))
    after = await position_of_one()
    assert after.cluster_id == before.cluster_id
    assert after.topic_id != before.topic_id


async def test_topics_are_made_as_the_table_says(broker: Broker) -> None:
    bus = KafkaBus(broker.bootstrap, "setup")
    await bus.ensure_topics()
    await bus.ensure_topics()
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    made = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    await admin.close()
    for topic in topics.ALL:
        assert made[topic.name] == topic.partitions
        assert made[topic.dead_letters] == 1
