"""The subscriptions of one `run` on Kafka, begun anew when the broker turns out to be another.

A consumer of aiokafka 0.14 whose topic vanishes (its broker was wiped, or replaced by an empty one) asks for it in a
busy loop, then joins its group with nothing and reads nothing for five minutes, although the topic is there again. So
what the cluster is gets watched, and consumers are made anew when it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import compress
from typing import Protocol

import structlog

from clipmill_shared.bus.contract import Subscription
from clipmill_shared.bus.kafka_reading import Reading
from clipmill_shared.bus.kafka_topics import Identity

log = structlog.get_logger()
WATCH_EVERY_S = 2.0
ANSWER_S = 10.0
# So long a broker that starts has to find its topics.
SETTLE_S = 2.0
SAY_EVERY_S = 10.0


class Cluster(Protocol):
    """What the readings need of their bus. KafkaError while the cluster does not answer."""

    async def identify(self, subscriptions: Sequence[Subscription]) -> Identity: ...

    async def make_topics(self) -> bool:
        """Create what is missing; False when that is not this process's to do."""
        ...

    def reading(
        self, subscription: Subscription, identity: Identity, look: Callable[[], None], *, from_beginning: bool
    ) -> Reading: ...


class Readings:
    """Reads `subscriptions` between `start` and `stop`."""

    def __init__(self, cluster: Cluster, subscriptions: Sequence[Subscription], identity: Identity) -> None:
        self._cluster = cluster
        self._subscriptions = subscriptions
        self._identity = identity
        self._readings: list[Reading] = []
        # Those whose log is gone, while their handlers still run.
        self._retired: list[Reading] = []
        self._look = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._begin()
        self._watching = asyncio.create_task(self._watch(), name="watch the cluster")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await asyncio.gather(*(reading.stop() for reading in (*self._readings, *self._retired)))

    async def _begin(self, *, anew: bool = False) -> None:
        make, look = self._cluster.reading, self._look.set
        self._readings = [make(s, self._identity, look, from_beginning=anew) for s in self._subscriptions]
        # What others rest on comes first.
        for first in (True, False):
            chosen = (s.from_beginning == first for s in self._subscriptions)
            await asyncio.gather(*(r.start() for r in compress(self._readings, chosen)))

    async def _watch(self) -> None:
        while True:
            self._look.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_EVERY_S):
                    await self._look.wait()
            try:
                if self._readings and await self._seen() == self._identity:
                    self._retired = [reading for reading in self._retired if not reading.is_idle]
                    continue
                await self._begin_anew()
            except Exception as error:
                # It is away: consumers and producer wait for it themselves. Or it went away again meanwhile.
                log.debug("the cluster does not answer", error=repr(error))

    async def _seen(self) -> Identity:
        async with asyncio.timeout(ANSWER_S):
            return await self._cluster.identify(self._subscriptions)

    async def _begin_anew(self) -> None:
        if self._readings:
            log.error("the broker is another, or has lost its data: everything is read anew", **self._names())
            readings, self._readings = self._readings, []
            self._retired += readings
            await asyncio.gather(*(reading.retire() for reading in readings))
        self._identity = await self._settled()
        try:
            await self._begin(anew=True)
        except BaseException:
            readings, self._readings = self._readings, []
            await asyncio.gather(*(reading.retire() for reading in readings))
            raise
        log.warning("reading goes on", **self._names())

    async def _settled(self) -> Identity:
        """The identity of the cluster once it has every topic."""
        waited_s = 0.0
        while missing := self._missing(seen := await self._seen()):
            if waited_s >= SETTLE_S and await self._cluster.make_topics():
                continue
            if waited_s % SAY_EVERY_S == 0:
                log.warning("the broker lacks topics; waiting for them", topics=sorted(missing))
            await asyncio.sleep(1)
            waited_s += 1
        return seen

    def _missing(self, seen: Identity) -> set[str]:
        return set(self._identity.topic_ids) - set(seen.topic_ids)

    def _names(self) -> dict[str, object]:
        return {"cluster": self._identity.cluster_id, "topics": sorted(self._identity.topic_ids)}
