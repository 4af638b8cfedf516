"""Rate limits that all processes share: how often an owner may do what costs others.

The generic cell rate algorithm (ITU-T I.371): a name keeps one number, the time at which it will have paid off all it
took. So a limit costs one short-lived key, and says exactly when the next take will do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from clipmill_shared import metrics
from clipmill_shared.errors import ClipmillError

log = structlog.get_logger()
# Redis answers within a millisecond; a call waits for a dead one this long, and then nobody for a while.
ANSWER_S = 0.5
AWAY_S = 2.0
MAX_NAMES = 10_000


@dataclass(frozen=True)
class Rate:
    """`count` at once, and again as many over `per_s` seconds, evenly."""

    count: int
    per_s: float

    @property
    def interval_s(self) -> float:
        return self.per_s / self.count

    @property
    def burst_s(self) -> float:
        return self.per_s - self.interval_s


class RateLimitedError(ClipmillError):
    """Too often. `retry_after_s` says when it will be allowed."""

    def __init__(self, what: str, rate: Rate, retry_after_s: float) -> None:
        super().__init__(
            "RATE_LIMITED",
            f"More than {rate.count} {what} in {rate.per_s:g} s.",
            f"Try again in {math.ceil(retry_after_s)} s.",
            retryable=True,
            retry_after_s=retry_after_s,
        )


class Limits(Protocol):
    """Counts what is taken under a name."""

    async def take(self, name: str, rate: Rate) -> float:
        """Take one: 0.0, or the seconds after which one can be taken (then none was)."""
        ...

    async def close(self) -> None: ...


class MemoryLimits:
    """The limits of one process. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._paid_at: dict[str, float] = {}

    async def take(self, name: str, rate: Rate) -> float:
        now = self._clock()
        paid_at = max(self._paid_at.get(name, now), now)
        wait_s = paid_at - rate.burst_s - now
        if wait_s > 0:
            return wait_s
        if len(self._paid_at) >= MAX_NAMES:
            self._paid_at = {known: at for known, at in self._paid_at.items() if at > now}
        self._paid_at[name] = paid_at + rate.interval_s
        return 0.0

    async def close(self) -> None:
        return None


# In microseconds by Redis' own clock: the processes' may differ.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local paid_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = paid_at - ARGV[2] - now
if wait > 0 then
  return math.ceil(wait)
end
paid_at = paid_at + ARGV[1]
redis.call('SET', KEYS[1], string.format('%.0f', paid_at), 'PX', math.ceil((paid_at - now) / 1000))
return 0
"""


class RedisLimits:
    """The limits of all processes on one Redis (or Valkey).

    While it is away, each process limits by itself, warns and counts: owners may then take as often as there are
    processes, but nobody is refused because a cache is down.
    """

    def __init__(self, url: str, prefix: str = "clipmill:limits:") -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # Tried twice, because a restart leaves connections behind that are dead.
        self._redis = Redis.from_url(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 1)
        )
        self._take = self._redis.register_script(_TAKE)
        self._prefix = prefix
        self._alone = MemoryLimits()
        self._away_until = 0.0

    async def take(self, name: str, rate: Rate) -> float:
        from redis.exceptions import RedisError

        if time.monotonic() >= self._away_until:
            try:
                microseconds = (round(rate.interval_s * 1e6), round(rate.burst_s * 1e6))
                return int(await self._take(keys=[self._prefix + name], args=microseconds)) / 1e6
            except (RedisError, OSError, TimeoutError) as error:
                self._away_until = time.monotonic() + AWAY_S
                log.warning("Redis is away: this process limits by itself", error=repr(error))
        metrics.LIMITED_ALONE.add(1)
        return await self._alone.take(name, rate)

    async def close(self) -> None:
        await self._redis.aclose()
