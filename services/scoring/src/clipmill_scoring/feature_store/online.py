"""Vectors of clips at hand: in this process's memory, or in a Redis that processes share. One contract.

A vector replaces one of an earlier event, never one of a later. It is forgotten with its video, and at `until_s`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Protocol, TypeVar, cast

import structlog

from clipmill_shared.errors import ClipmillError

log = structlog.get_logger()
T = TypeVar("T")
# A vector of 40 features takes 1 kB.
MAX_VECTORS = 50_000
# Redis answers within a millisecond; who waited for a dead one in vain leaves it alone for a while.
ANSWER_S = 0.5
AWAY_S = 2.0


class Online(Protocol):
    """Vectors by owner, video and name. Times in Unix seconds."""

    async def put(
        self, owner_id: str, video_id: str, vectors: Mapping[str, bytes], event_s: float, until_s: float
    ) -> None: ...

    async def get(self, owner_id: str, video_id: str, names: Sequence[str]) -> list[bytes | None]:
        """None for what is not here; then the offline store knows."""
        ...

    async def forget(self, owner_id: str, video_id: str) -> None:
        """Error: FEATURES_UNAVAILABLE: what was to be erased may still be there."""
        ...

    async def close(self) -> None: ...


class MemoryOnline:
    """The vectors of one process, those of the last videos that were put or read. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time, max_vectors: int = MAX_VECTORS) -> None:
        self._clock = clock
        self._room = max_vectors
        self._videos: OrderedDict[tuple[str, str], dict[str, tuple[float, float, bytes]]] = OrderedDict()

    async def put(
        self, owner_id: str, video_id: str, vectors: Mapping[str, bytes], event_s: float, until_s: float
    ) -> None:
        kept = self._videos.setdefault((owner_id, video_id), {})
        self._videos.move_to_end((owner_id, video_id))
        before = len(kept)
        for name, content in vectors.items():
            if name not in kept or kept[name][0] <= event_s:
                kept[name] = (event_s, until_s, content)
        self._room -= len(kept) - before
        while self._room < 0:
            self._room += len(self._videos.popitem(last=False)[1])

    async def get(self, owner_id: str, video_id: str, names: Sequence[str]) -> list[bytes | None]:
        if (kept := self._videos.get((owner_id, video_id))) is None:
            return [None] * len(names)
        self._videos.move_to_end((owner_id, video_id))
        now_s = self._clock()
        for name in [name for name, (_, until_s, _) in kept.items() if until_s <= now_s]:
            del kept[name]
            self._room += 1
        return [kept[name][2] if name in kept else None for name in names]

    async def forget(self, owner_id: str, video_id: str) -> None:
        self._room += len(self._videos.pop((owner_id, video_id), ()))

    async def close(self) -> None:
        return None


# A field's value begins with its event's and its last microsecond, of 16 digits each.
_PUT = """
for place = 1, #ARGV - 1, 2 do
  local kept = redis.call('HGET', KEYS[1], ARGV[place])
  if not kept or string.sub(kept, 1, 16) <= string.sub(ARGV[place + 1], 1, 16) then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
  end
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[#ARGV]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[#ARGV])
end
"""
PUT_AT_ONCE = 500


class RedisOnline:
    """The vectors of all processes on one Redis (or Valkey): a hash a video. While it is away nothing is found here."""

    def __init__(self, url: str, prefix: str = "clipmill:features:", clock: Callable[[], float] = time.time) -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._redis = Redis.from_url(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 1)
        )
        self._put = self._redis.register_script(_PUT)
        self._prefix = prefix
        self._clock = clock
        self._away_until = 0.0

    async def put(
        self, owner_id: str, video_id: str, vectors: Mapping[str, bytes], event_s: float, until_s: float
    ) -> None:
        head = f"{event_s * 1e6:016.0f}{until_s * 1e6:016.0f}".encode()
        lasts_ms = round(1e3 * (until_s - self._clock()))
        items = list(vectors.items())
        for place in range(0, len(items) if lasts_ms > 0 else 0, PUT_AT_ONCE):
            some = [part for name, content in items[place : place + PUT_AT_ONCE] for part in (name, head + content)]
            await self._try(self._put(keys=[self._key(owner_id, video_id)], args=[*some, lasts_ms]))

    async def get(self, owner_id: str, video_id: str, names: Sequence[str]) -> list[bytes | None]:
        call = cast("Awaitable[list[bytes | None]]", self._redis.hmget(self._key(owner_id, video_id), list(names)))
        found = await self._try(call) or [None] * len(names)
        now = 1e6 * self._clock()
        return [each[32:] if each is not None and int(each[16:32]) > now else None for each in found]

    async def forget(self, owner_id: str, video_id: str) -> None:
        from redis.exceptions import RedisError

        try:
            await self._redis.delete(self._key(owner_id, video_id))
        except (RedisError, OSError, TimeoutError) as error:
            raise ClipmillError(
                "FEATURES_UNAVAILABLE",
                f"Redis does not answer, and a video's features are to be erased there: {error!r}.",
                "It is tried again; see that Redis runs.",
                retryable=True,
            ) from error

    async def close(self) -> None:
        await self._redis.aclose()

    def _key(self, owner_id: str, video_id: str) -> str:
        return f"{self._prefix}{owner_id}/{video_id}"

    async def _try(self, call: Awaitable[T]) -> T | None:
        from redis.exceptions import RedisError

        if time.monotonic() < self._away_until:
            cast("Coroutine[None, None, T]", call).close()
            return None
        try:
            return await call
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + AWAY_S
            log.warning("Redis is away: features are read from their files", error=repr(error))
            return None
