"""Kept results in tiers: found where they are nearest, made once by who asks first; with and without a real Redis."""

import asyncio

import pytest
from harness.redis import redis, servers

from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.results import Results

OWNER, KEY = "ann", "0" * 64


@pytest.fixture
def blobs(tmp_path):
    return Blobs.in_folder(tmp_path / "blobs", tmp_path / "scratch")


@pytest.fixture(scope="module", params=sorted(servers()))
def server(request):
    with redis(servers()[request.param]) as running:
        yield running


@pytest.fixture
async def two(server, tmp_path):
    """Two processes' results, by one Redis; an object store each, so that what both know came by Redis."""
    both = [
        Results(
            Blobs.in_folder(tmp_path / f"blobs-{n}", tmp_path / f"scratch-{n}"), f"redis://127.0.0.1:{server.port}/0"
        )
        for n in range(2)
    ]
    yield both
    for results in both:
        await results.forget(OWNER, KEY)
        await results.close()


async def test_what_was_kept_is_found_in_memory_when_the_store_has_lost_it(blobs):
    results = Results(blobs)
    await results.keep(OWNER, KEY, Task(job_id="j"))
    await blobs.delete_record(OWNER, KEY)
    assert await results.read(OWNER, KEY, Task, "tests") == Task(job_id="j")
    await results.forget(OWNER, KEY)
    assert await results.read(OWNER, KEY, Task, "tests") is None


async def test_what_is_not_for_the_store_is_never_in_it_nor_looked_for_there(blobs):
    results = Results(blobs)
    await results.keep(OWNER, KEY, Task(job_id="j"), in_store=False)
    assert await results.read(OWNER, KEY, Task, "tests", in_store=False) == Task(job_id="j")
    assert await blobs.read_record(OWNER, KEY, Task) is None
    await blobs.keep_record(OWNER, "1" * 64, Task(job_id="k"))
    assert await results.read(OWNER, "1" * 64, Task, "tests", in_store=False) is None


async def test_what_is_not_for_the_memory_is_gone_when_the_store_has_lost_it(blobs):
    results = Results(blobs)
    await results.keep(OWNER, KEY, Task(job_id="j"), in_memory=False)
    assert await results.read(OWNER, KEY, Task, "tests", in_memory=False) == Task(job_id="j")
    await blobs.delete_record(OWNER, KEY)
    assert await results.read(OWNER, KEY, Task, "tests") is None


async def test_what_is_for_redis_alone_is_found_there_until_it_is_forgotten(two):
    here, there = two
    await here.keep(OWNER, KEY, Task(job_id="j"), in_store=False, in_memory=False)
    assert await there.read(OWNER, KEY, Task, "tests", in_memory=False) == Task(job_id="j")
    assert await there.forget(OWNER, KEY)
    assert await here.read(OWNER, KEY, Task, "tests") is None
    assert await there.read(OWNER, KEY, Task, "tests") is None


async def test_owners_do_not_see_each_others(blobs):
    results = Results(blobs)
    await results.keep(OWNER, KEY, Task(job_id="j"))
    assert await results.read("bob", KEY, Task, "tests") is None


async def test_memory_is_bounded_and_the_rest_is_read_from_the_store(blobs):
    results = Results(blobs, memory_bytes=21)
    for number in range(9):
        await results.keep(OWNER, str(number), Task(job_id=f"job-{number}"))
    for number in range(8):
        await blobs.delete_record(OWNER, str(number))
    found = [await results.read(OWNER, str(number), Task, "tests") for number in range(9)]
    assert [task and task.job_id for task in found] == [None] * 6 + ["job-6", "job-7", "job-8"]


async def test_of_those_who_want_the_same_one_makes_it(blobs):
    results = Results(blobs)
    made = []

    async def want(number: int) -> str:
        async with results.alone(OWNER, KEY, "tests"):
            if (known := await results.read(OWNER, KEY, Task, "tests")) is None:
                made.append(number)
                await asyncio.sleep(0)
                known = await results.keep(OWNER, KEY, Task(job_id=str(number)))
            return known.job_id

    assert set(await asyncio.gather(*map(want, range(5)))) == {"0"}
    assert made == [0]


async def test_when_the_first_fails_the_next_makes_it(blobs):
    results = Results(blobs)
    with pytest.raises(ValueError, match="no"):
        async with results.alone(OWNER, KEY, "tests"):
            raise ValueError("no")
    async with results.alone(OWNER, KEY, "tests") as waited:
        assert not waited


async def test_another_process_finds_it_in_redis(two):
    here, there = two
    assert await there.read(OWNER, KEY, Task, "tests") is None
    await here.keep(OWNER, KEY, Task(job_id="j"))
    assert await there.read(OWNER, KEY, Task, "tests") == Task(job_id="j")


async def test_another_process_waits_until_it_is_made(two):
    here, there = two
    order = []
    begun = asyncio.Event()

    async def make() -> None:
        async with here.alone(OWNER, KEY, "tests"):
            begun.set()
            await asyncio.sleep(0.4)
            order.append("made")
            await here.keep(OWNER, KEY, Task(job_id="j"))

    async def want() -> None:
        await begun.wait()
        async with there.alone(OWNER, KEY, "tests") as waited:
            assert waited
            assert await there.read(OWNER, KEY, Task, "tests") == Task(job_id="j")
            order.append("found")

    await asyncio.gather(make(), want())
    assert order == ["made", "found"]


async def test_a_redis_that_is_away_stops_nobody(blobs):
    results = Results(blobs, "redis://127.0.0.1:1/0")
    async with results.alone(OWNER, KEY, "tests") as waited:
        assert not waited
        await results.keep(OWNER, KEY, Task(job_id="j"))
    assert await results.read(OWNER, KEY, Task, "tests") == Task(job_id="j")
    # It may still have it.
    assert not await results.forget(OWNER, KEY)
    await results.close()


async def test_who_died_while_making_it_is_waited_for_no_longer_than_its_claim(two, monkeypatch):
    monkeypatch.setattr("clipmill_shared.results.CLAIM_S", 0.6)
    monkeypatch.setattr("clipmill_shared.results._Redis._hold", lambda *_: asyncio.sleep(3600))
    here, there = two
    died = here.alone(OWNER, KEY, "tests")
    await died.__aenter__()
    async with asyncio.timeout(20), there.alone(OWNER, KEY, "tests") as waited:
        assert waited
    await died.__aexit__(None, None, None)
