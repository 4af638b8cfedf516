"""Kept results of tasks, in tiers: this process's memory, Redis where there is one, the object store. Within an owner.

The object store has the truth; what lies before it only spares a read. Who reads a result sees that its blobs are still
there before it counts, wherever it was found: what a user erased is never answered from memory. What names no blobs
and is erased is not to be kept there (`in_memory`). Where a result is being made, whoever wants the same waits for it:
in this process always, in others where there is a Redis.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import structlog
from google.protobuf.message import Message

from clipmill_shared import metrics
from clipmill_shared.blobs import Blobs

log = structlog.get_logger()
M = TypeVar("M", bound=Message)
T = TypeVar("T")
MEMORY_BYTES = 16 << 20
REDIS_S = 3600
# Who makes a result says so for this long, again and again; one that died is waited for no longer.
CLAIM_S = 15.0
LOOK_EVERY_S = 0.25
# A Redis that is away is left alone for a while.
ANSWER_S = 0.5
AWAY_S = 2.0

# Only its own claim: after a pause it may be another's.
_LET_GO = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_GO_ON = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"


class Results:
    """The kept results that a process sees. `redis_url` names what lies between its memory and the object store."""

    def __init__(self, blobs: Blobs, redis_url: str = "", memory_bytes: int = MEMORY_BYTES) -> None:
        self._blobs = blobs
        self._redis = _Redis(redis_url) if redis_url else None
        self._room_bytes = memory_bytes
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._making: dict[str, asyncio.Lock] = {}

    async def read(
        self, owner_id: str, key: str, kind: type[M], stage: str, *, in_store: bool = True, in_memory: bool = True
    ) -> M | None:
        """The result under a key, or None. Counts where it was found, for `stage`. What is not kept `in_store` is kept
        in memory, and for an hour in Redis; what is not kept `in_memory` is not looked for there.
        """
        name = f"{owner_id}/{key}"
        tier, content = "memory", self._memory.get(name) if in_memory else None
        if content is not None:
            self._memory.move_to_end(name)
        elif self._redis is not None and (content := await self._redis.get(name)) is not None:
            tier = "redis"
            if in_memory:
                self._remember(name, content)
        found = kind.FromString(content) if content is not None else None
        if content is None and in_store:
            found = await self._blobs.read_record(owner_id, key, kind)
        if content is None:
            tier = "blobs" if found is not None else "none"
            if found is not None:
                await self._put(name, found, in_memory=in_memory)
        metrics.RESULT_READS.add(1, {"stage": stage, "tier": tier})
        return found

    async def keep(
        self,
        owner_id: str,
        key: str,
        message: M,
        instead_of: M | None = None,
        *,
        in_store: bool = True,
        in_memory: bool = True,
    ) -> M:
        """See Blobs.keep_record; where, see `read`."""
        kept = await self._blobs.keep_record(owner_id, key, message, instead_of) if in_store else message
        await self._put(f"{owner_id}/{key}", kept, in_memory=in_memory)
        return kept

    async def forget(self, owner_id: str, key: str) -> bool:
        """Drop it here and in Redis: the next read is of the object store. False when Redis is away and may have it."""
        name = f"{owner_id}/{key}"
        self._drop(name)
        return self._redis is None or await self._redis.forget(name)

    @asynccontextmanager
    async def alone(self, owner_id: str, key: str, stage: str) -> AsyncIterator[bool]:
        """Make the result of a key with nobody else at it; True when somebody was before, and may have made it."""
        name = f"{owner_id}/{key}"
        lock = self._making.setdefault(name, asyncio.Lock())
        waited = lock.locked()
        try:
            async with lock:
                if self._redis is None:
                    waited = self._count(waited, stage)
                    yield waited
                else:
                    async with self._redis.claimed(name) as waited_there:
                        yield self._count(waited or waited_there, stage)
        finally:
            if not lock.locked():
                self._making.pop(name, None)

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.close()

    @staticmethod
    def _count(waited: bool, stage: str) -> bool:
        if waited:
            metrics.RESULT_WAITS.add(1, {"stage": stage})
        return waited

    async def _put(self, name: str, message: Message, *, in_memory: bool) -> None:
        content = message.SerializeToString(deterministic=True)
        if in_memory:
            self._remember(name, content)
        if self._redis is not None:
            await self._redis.put(name, content)

    def _remember(self, name: str, content: bytes) -> None:
        self._drop(name)
        self._memory[name] = content
        self._room_bytes -= len(content)
        while self._room_bytes < 0:
            _, oldest = self._memory.popitem(last=False)
            self._room_bytes += len(oldest)

    def _drop(self, name: str) -> None:
        if (content := self._memory.pop(name, None)) is not None:
            self._room_bytes += len(content)


class _Redis:
    """The tier that processes share. While it is away nothing is found in it, and each makes what it needs."""

    def __init__(self, url: str, prefix: str = "clipmill:results:") -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._redis = Redis.from_url(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 1)
        )
        self._let_go = self._redis.register_script(_LET_GO)
        self._go_on = self._redis.register_script(_GO_ON)
        self._prefix = prefix
        self._away_until = 0.0

    async def get(self, name: str) -> bytes | None:
        found = await self._try(self._redis.get(self._prefix + name))
        return found if isinstance(found, bytes) else None

    async def put(self, name: str, content: bytes) -> None:
        await self._try(self._redis.set(self._prefix + name, content, ex=REDIS_S))

    async def forget(self, name: str) -> bool:
        return await self._try(self._redis.delete(self._prefix + name)) is not None

    @asynccontextmanager
    async def claimed(self, name: str) -> AsyncIterator[bool]:
        """Hold the claim to make it; True when another process held it before."""
        claim, token, waited = f"{self._prefix}making:{name}", secrets.token_hex(8), False
        while await self._is_taken(claim, token):
            waited = True
            await asyncio.sleep(LOOK_EVERY_S)
        holding = asyncio.create_task(self._hold(claim, token))
        try:
            yield waited
        finally:
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding
            await self._try(self._let_go(keys=[claim], args=[token]))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _is_taken(self, claim: str, token: str) -> bool:
        """False too where Redis does not say: twice the work is better than none."""
        if await self._try(self._redis.set(claim, token, nx=True, px=round(CLAIM_S * 1e3))):
            return False
        return await self._try(self._redis.exists(claim)) == 1

    async def _hold(self, claim: str, token: str) -> None:
        while True:
            await asyncio.sleep(CLAIM_S / 3)
            await self._try(self._go_on(keys=[claim], args=[token, round(CLAIM_S * 1e3)]))

    async def _try(self, call: Awaitable[T]) -> T | None:
        from redis.exceptions import RedisError

        if time.monotonic() < self._away_until:
            if asyncio.iscoroutine(call):
                call.close()
            return None
        try:
            return await call
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + AWAY_S
            log.warning("Redis is away: results are read from the object store", error=repr(error))
            return None
