"""The contract of vectors at hand, kept in memory and on Redis."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from clipmill_scoring.feature_store.online import MemoryOnline, Online, RedisOnline
from harness.redis import servers
from harness.server import Server, free_port

from clipmill_shared.errors import ClipmillError

# A day from now: a server forgets by its own clock, and a test may begin long after it was read.
NOW_S = time.time() + 86400


class Clock:
    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", *(pytest.param(name, marks=pytest.mark.real) for name in sorted(servers()))])
async def online(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Online]:
    here: Online
    if request.param == "memory":
        here = MemoryOnline(clock)
    else:
        server: Server = request.getfixturevalue("redis_named")(request.param)
        here = RedisOnline(f"redis://127.0.0.1:{server.port}/0", f"{uuid4().hex}:", clock)
    yield here
    await here.close()


async def test_what_is_put_is_at_hand_and_nothing_else(online: Online) -> None:
    await online.put("ann", "v1", {"clip/a": b"\x00one", "clip/b": b"two"}, NOW_S, NOW_S + 60)

    assert await online.get("ann", "v1", ["clip/b", "clip/c", "clip/a"]) == [b"two", None, b"\x00one"]
    assert await online.get("ann", "v2", ["clip/a"]) == [None]
    assert await online.get("eve", "v1", ["clip/a"]) == [None]


async def test_a_later_event_replaces_an_earlier_one_however_they_arrive(online: Online) -> None:
    await online.put("ann", "v1", {"clip/a": b"new", "clip/b": b"old"}, NOW_S, NOW_S + 60)
    await online.put("ann", "v1", {"clip/a": b"older", "clip/c": b"other"}, NOW_S - 5, NOW_S + 60)
    await online.put("ann", "v1", {"clip/b": b"newer"}, NOW_S + 1, NOW_S + 60)

    assert await online.get("ann", "v1", ["clip/a", "clip/b", "clip/c"]) == [b"new", b"newer", b"other"]


async def test_each_is_forgotten_at_its_time(online: Online, clock: Clock) -> None:
    await online.put("ann", "v1", {"clip/a": b"short"}, NOW_S, NOW_S + 10)
    await online.put("ann", "v1", {"clip/b": b"long"}, NOW_S, NOW_S + 30)
    await online.put("ann", "v1", {"clip/c": b"over already"}, NOW_S - 50, NOW_S - 20)
    clock.now_s += 15

    assert await online.get("ann", "v1", ["clip/a", "clip/b", "clip/c"]) == [None, b"long", None]


async def test_a_video_is_forgotten_with_all_its_vectors(online: Online) -> None:
    for video in ("v1", "v2"):
        await online.put("ann", video, {"clip/a": b"x", "clip/b": b"y"}, NOW_S, NOW_S + 60)

    await online.forget("ann", "v1")
    await online.forget("ann", "never seen")

    assert await online.get("ann", "v1", ["clip/a", "clip/b"]) == [None, None]
    assert await online.get("ann", "v2", ["clip/a"]) == [b"x"]


async def test_more_than_one_script_holds_is_put_and_read(online: Online) -> None:
    vectors = {f"clip/{k}": str(k).encode() for k in range(1201)}
    await online.put("ann", "v1", vectors, NOW_S, NOW_S + 60)

    assert await online.get("ann", "v1", list(vectors)) == list(vectors.values())


async def test_memory_keeps_the_videos_that_were_used_last() -> None:
    online = MemoryOnline(max_vectors=4)
    for video in ("v1", "v2"):
        await online.put("ann", video, {"a": b"x", "b": b"y"}, NOW_S, NOW_S + 60)
    await online.get("ann", "v1", ["a"])

    await online.put("ann", "v3", {"a": b"x"}, NOW_S, NOW_S + 60)

    assert [await online.get("ann", video, ["a"]) for video in ("v1", "v2", "v3")] == [[b"x"], [None], [b"x"]]


async def test_without_redis_nothing_is_at_hand_and_nothing_is_said_to_be_erased() -> None:
    online = RedisOnline(f"redis://127.0.0.1:{free_port()}/0")
    await online.put("ann", "v1", {"a": b"x"}, NOW_S, NOW_S + 60)

    assert await online.get("ann", "v1", ["a", "b"]) == [None, None]
    with pytest.raises(ClipmillError, match="to be erased") as raised:
        await online.forget("ann", "v1")
    assert raised.value.retryable
    await online.close()
