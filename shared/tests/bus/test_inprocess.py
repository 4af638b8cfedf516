"""What the in-process bus does beyond the contract: its bounds, and that they never lock it up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from clipmill import topics
from clipmill.catalog.v1.catalog_pb2 import CatalogChange
from clipmill.jobs.v1.jobs_pb2 import JobRequest
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import JobControl, Task, TaskFailed
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.backoff import Backoff
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.events import Event

TOPIC = topics.INGEST_REQUESTS


def request(number: int, key: str = "ann") -> Event[Any]:
    return Event(TOPIC, JobRequest(owner_id=key, idempotency_key=str(number)), f"{key}-{number}", key, "/test")


async def turns(count: int = 50) -> None:
    """Let everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


class Gate:
    """A handler that waits for its gate to open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.done: list[str] = []

    async def __call__(self, event: Event[Any]) -> Sequence[Event[Any]]:
        await self.open.wait()
        self.done.append(event.id)
        return ()


async def fill(bus: InProcessBus, count: int, published: list[int]) -> None:
    for number in range(count):
        await bus.publish(request(number))
        published.append(number)


async def test_publishing_waits_while_the_reader_lags_by_the_capacity() -> None:
    bus, gate, published = InProcessBus(capacity=10), Gate(), list[int]()
    async with bus.run(Subscription(TOPIC, "readers", gate)):
        filling = asyncio.create_task(fill(bus, 30, published))
        await turns()
        assert len(published) == 10
        gate.open.set()
        await filling
        await turns(200)
    assert gate.done == [f"ann-{n}" for n in range(30)]


async def test_a_slow_group_holds_up_publishing_but_not_the_other_group() -> None:
    bus, slow, quick = InProcessBus(capacity=10), Gate(), Gate()
    quick.open.set()
    async with bus.run(Subscription(TOPIC, "slow", slow), Subscription(TOPIC, "quick", quick)):
        filling = asyncio.create_task(fill(bus, 11, []))
        await turns(200)
        assert len(quick.done) == 10
        slow.open.set()
        await filling


async def test_a_topic_that_nobody_reads_never_fills_and_keeps_its_newest_records() -> None:
    bus, gate = InProcessBus(capacity=10, tail=5), Gate()
    gate.open.set()
    await fill(bus, 100, [])
    async with bus.run(Subscription(TOPIC, "late", gate)):
        await turns()
    assert gate.done == [f"ann-{n}" for n in range(95, 100)]


async def test_a_reader_that_stopped_does_not_hold_up_the_others_or_publishing() -> None:
    bus, gone, quick, published = InProcessBus(grace_s=0, capacity=10), Gate(), Gate(), list[int]()
    quick.open.set()
    async with bus.run(Subscription(TOPIC, "gone", gone)):
        await turns()
    async with bus.run(Subscription(TOPIC, "quick", quick)):
        await fill(bus, 100, published)
        await turns()
        assert len(quick.done) == 100
    # What it missed beyond the capacity is dropped, as a retention drops it; the newest is there.
    gone.open.set()
    async with bus.run(Subscription(TOPIC, "gone", gone)):
        await turns()
    assert gone.done == [f"ann-{n}" for n in range(90, 100)]


async def test_what_every_group_has_handled_is_kept_no_longer() -> None:
    bus, gate, late = InProcessBus(), Gate(), Gate()
    gate.open.set()
    late.open.set()
    async with bus.run(Subscription(TOPIC, "readers", gate)):
        await fill(bus, 10, [])
        await turns()
        async with bus.run(Subscription(TOPIC, "late", late)):
            await bus.publish(request(10))
            await turns()
    assert late.done == ["ann-10"]


async def test_closing_ends_the_wait_of_publishers_and_refuses_others() -> None:
    bus, gate = InProcessBus(grace_s=0, capacity=1), Gate()
    async with bus.run(Subscription(TOPIC, "readers", gate)):
        filling = asyncio.create_task(fill(bus, 2, []))
        await turns()
        await bus.close()
        with pytest.raises(RuntimeError):
            await filling
    with pytest.raises(RuntimeError):
        await bus.publish(request(0))


async def test_nobody_sees_what_another_does_to_a_message() -> None:
    bus, seen = InProcessBus(), list[str]()

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        seen.append(event.message.idempotency_key)
        event.message.idempotency_key = "changed"
        return ()

    sent = request(1)
    async with bus.run(Subscription(TOPIC, "one", handler), Subscription(TOPIC, "other", handler)):
        await bus.publish(sent)
        sent.message.idempotency_key = "changed"
        await turns()
    assert seen == ["1", "1"]


@given(st.dictionaries(st.sampled_from([f"{key}-{n}" for key in "abc" for n in range(8)]), st.integers(1, 5)))
@settings(deadline=None, max_examples=50)
def test_each_record_is_handled_or_buried_once_and_in_its_keys_order(failures: dict[str, int]) -> None:
    """For any pattern of failures: those that fail three times are buried, and order holds among all that end."""
    outcome: dict[str, list[int]] = {key: [] for key in "abc"}

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        await asyncio.sleep(0)
        key, number = event.id.split("-")
        if failures.get(event.id, 0) >= event.attempt:
            if event.attempt == 3:
                outcome[key].append(int(number))
            raise RuntimeError("meant so")
        outcome[key].append(int(number))
        return ()

    async def play() -> None:
        bus = InProcessBus(backoff=Backoff(first_s=0.0001, factor=1))
        async with bus.run(Subscription(TOPIC, "readers", handler, max_attempts=3, max_in_flight=2)):
            for number in range(8):
                await bus.publish(*(request(number, key) for key in "abc"))
            async with asyncio.timeout(20):
                while sum(map(len, outcome.values())) < 24:
                    await asyncio.sleep(0.001)
        buried = sorted(letter.event.id for letter in bus.dead_letters)
        assert buried == sorted(name for name, times in failures.items() if times >= 3)

    # Rendering a traceback takes longer than all the rest.
    with capture_logs():
        asyncio.run(play())
    assert outcome == {key: list(range(8)) for key in "abc"}


RING = (topics.INGEST_REQUESTS, topics.CATALOG_CHANGES, topics.TASKS_FAILED, topics.JOBS_CONTROL)


def message_on(topic: Topic, number: int, hops: int) -> Event[Any]:
    """An event that says how many hops are left to it, all of one key."""
    text = f"{hops}-{number}"
    message = {
        topics.INGEST_REQUESTS: JobRequest(owner_id="k", idempotency_key=text),
        topics.CATALOG_CHANGES: CatalogChange(owner_id="k", video_id="k"),
        topics.TASKS_FAILED: TaskFailed(task=Task(owner_id="k", job_id="k")),
        topics.JOBS_CONTROL: JobControl(owner_id="k", job_id="k"),
    }[topic]
    return Event(topic, message, text, "k", "/test")


@given(
    edges=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6, unique=True),
    capacity=st.integers(1, 3),
    groups=st.integers(1, 4),
)
@settings(deadline=None, max_examples=60)
def test_no_web_of_topics_locks_itself_up(edges: list[tuple[int, int]], capacity: int, groups: int) -> None:
    """Handlers that publish onto each other's full topics, in circles or to themselves, all come to an end."""
    handled = 0

    def handler_of(node: int) -> Any:
        targets = [RING[end] for start, end in edges if start == node]

        async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
            nonlocal handled
            await asyncio.sleep(0)
            handled += 1
            hops = int(event.id.split("-")[0])
            return [message_on(target, n, hops - 1) for target in targets for n in range(2)] if hops else ()

        return handler

    def expected(node: int, hops: int) -> int:
        ends = [end for start, end in edges if start == node]
        return 1 + (sum(2 * expected(end, hops - 1) for end in ends) if hops else 0)

    async def play() -> None:
        bus = InProcessBus(capacity=capacity)
        subscriptions = [Subscription(RING[n], f"g{n % groups}", handler_of(n), max_in_flight=2) for n in range(4)]
        async with bus.run(*subscriptions), asyncio.timeout(20):
            for number in range(5):
                await bus.publish(message_on(RING[edges[0][0]], number, 3))
            while handled < 5 * expected(edges[0][0], 3):
                await asyncio.sleep(0.001)
        assert not bus.dead_letters

    asyncio.run(play())
