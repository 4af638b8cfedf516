"""The rate limits' contract, held in memory and on Redis; and what a Redis that is away means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from harness.redis import servers
from harness.server import Server, free_port

from clipmill_shared.limits import MAX_NAMES, Limits, MemoryLimits, Rate, RedisLimits

SLOW, QUICK = Rate(3, 3600.0), Rate(2, 0.2)


@pytest.fixture(params=["memory", *(pytest.param(name, marks=pytest.mark.real) for name in sorted(servers()))])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[Limits]:
    here: Limits
    if request.param == "memory":
        here = MemoryLimits()
    else:
        here = RedisLimits(url_of(request.getfixturevalue("redis_named")(request.param)), prefix=f"{uuid4().hex}:")
    yield here
    await here.close()


def url_of(server: Server) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


async def test_as_many_as_the_rate_says_are_allowed_at_once_and_then_it_says_when(limits: Limits) -> None:
    waits_s = [await limits.take("ann", SLOW) for _ in range(5)]
    assert waits_s[:3] == [0.0, 0.0, 0.0]
    # What is refused is not counted: the wait does not grow with the asking.
    assert 1190 < waits_s[4] <= waits_s[3] <= SLOW.interval_s


async def test_one_that_waits_as_long_as_it_is_told_is_allowed(limits: Limits) -> None:
    for _ in range(2):
        assert await limits.take("ann", QUICK) == 0.0
    wait_s = await limits.take("ann", QUICK)
    assert 0 < wait_s <= QUICK.interval_s
    await asyncio.sleep(wait_s + 0.01)
    assert await limits.take("ann", QUICK) == 0.0


async def test_names_are_apart(limits: Limits) -> None:
    for _ in range(3):
        assert await limits.take("ann", SLOW) == 0.0
    assert await limits.take("bob", SLOW) == 0.0
    assert await limits.take("ann", SLOW) > 0


async def test_a_rate_of_one_is_one_at_a_time(limits: Limits) -> None:
    assert await limits.take("ann", Rate(1, 60.0)) == 0.0
    assert 59 < await limits.take("ann", Rate(1, 60.0)) <= 60


async def test_many_at_once_get_no_more_than_the_rate(limits: Limits) -> None:
    waits_s = await asyncio.gather(*(limits.take("ann", SLOW) for _ in range(40)))
    assert sum(wait_s == 0.0 for wait_s in waits_s) == 3


async def test_memory_holds_no_more_names_than_it_should() -> None:
    now = 0.0
    limits = MemoryLimits(lambda: now)
    for n in range(MAX_NAMES + 5):
        now += 1.0
        await limits.take(f"owner-{n}", Rate(3, 30.0))
    assert len(limits._paid_at) < 100


@pytest.mark.real
async def test_processes_share_the_count(redis_server: Server) -> None:
    prefix = uuid4().hex
    one, other = (RedisLimits(url_of(redis_server), prefix=f"{prefix}:") for _ in range(2))
    taken = [await limits.take("ann", SLOW) for limits in (one, other, one, other)]
    assert [wait_s > 0 for wait_s in taken] == [False, False, False, True]
    await one.close()
    await other.close()


@pytest.mark.real
async def test_a_restart_forgets_the_counts_and_nothing_else_happens(redis_server: Server) -> None:
    limits = RedisLimits(url_of(redis_server), prefix="restarted:")
    for _ in range(3):
        await limits.take("ann", SLOW)
    assert await limits.take("ann", SLOW) > 0
    redis_server.stop()
    redis_server.start()
    for _ in range(3):
        assert await limits.take("ann", SLOW) == 0.0
    assert await limits.take("ann", SLOW) > 0
    await limits.close()


async def test_while_redis_is_away_each_process_limits_by_itself() -> None:
    limits = RedisLimits(f"redis://127.0.0.1:{free_port()}/0")
    waits_s = [await limits.take("ann", SLOW) for _ in range(4)]
    assert [wait_s > 0 for wait_s in waits_s] == [False, False, False, True]
    await limits.close()


async def test_a_redis_that_does_not_answer_is_not_waited_for_again_and_again() -> None:
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    limits = RedisLimits(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    assert [await limits.take("ann", SLOW) > 0 for _ in range(4)] == [False, False, False, True]
    assert asked <= 2
    await limits.close()
    server.close()
