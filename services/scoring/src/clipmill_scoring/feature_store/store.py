"""The feature store of a service: a job's values in; what is known of clips, now or at a time, out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import structlog

from clipmill.scoring.v1.scoring_pb2 import FeatureVector
from clipmill_scoring import metrics
from clipmill_scoring.domain.features.definition import Columns
from clipmill_scoring.domain.history import Asked, Found, Rows, as_of
from clipmill_scoring.domain.pipeline import ENTITIES
from clipmill_scoring.feature_store.configured import Source, configured, definitions
from clipmill_scoring.feature_store.offline import DEAD_LETTERS, Offline, table_of
from clipmill_scoring.feature_store.online import Online
from clipmill_scoring.feature_store.work import Again, Scored, Written, measured_again, written
from clipmill_shared.compute import Children
from clipmill_shared.compute.children import ChildDiedError

log = structlog.get_logger()
# Others' transforms of a job may take so long together, in a child that is killed then.
WRITE_S = 30.0
# Also those of entities that were kept once.
TABLES = (*map(table_of, ENTITIES), DEAD_LETTERS)


@dataclass(frozen=True)
class ClipAt:
    """A clip, and the time to which its features are asked, Unix seconds; None is now."""

    video_id: str
    clip_id: str
    at_s: float | None = None


@dataclass(frozen=True)
class Job:
    """A scored job: `table` is its serialized CandidateTable, `chosen` its clips."""

    owner_id: str
    job_id: str
    video_id: str
    table: bytes
    chosen: frozenset[str]
    scored_at_s: float


class FeatureStore:
    """Values of features by owner. Errors: those of `configured` when it is made, later those of Offline and Online."""

    def __init__(
        self, source: Source, offline: Offline, online: Online, keep_d: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self.pipeline = configured(source)
        self.definitions = definitions(self.pipeline.transforms)
        self._offline = offline
        self._online = online
        self._keep = timedelta(days=keep_d)
        self._clock = clock
        # Others' code may crash or hang; ours needs no process of its own.
        work = "clipmill_scoring.feature_store.work:"
        self._children = Children(work + written.__name__, 1) if self.pipeline.transforms else None
        self._again = Children(work + measured_again.__name__, 1) if self.pipeline.transforms else None

    def now_s(self) -> float:
        """Unix seconds."""
        return self._clock()

    async def add(self, job: Job) -> tuple[str, ...]:
        """Keep a job's values, once however often it comes; the tables in which they are new. See `forget`."""
        scored = Scored(self._source, job.table, job.job_id, job.chosen, job.scored_at_s, self._clock())
        made = await self._written(scored)
        files = {table_of(name): content for name, content in made.files.items()}
        if made.dead_letters:
            files[DEAD_LETTERS] = made.dead_letters
        new = [
            table
            for table, content in files.items()
            if await self._offline.add(table, job.owner_id, job.video_id, job.job_id, content)
        ]
        ttl_s = max((s for e in self.pipeline.entities.values() if e.online for s in e.ttl_s.values()), default=0.0)
        until_s = job.scored_at_s + ttl_s
        await self._online.put(job.owner_id, job.video_id, made.online, job.scored_at_s, until_s)
        for (feature, reason), values in made.dead.items() if new else ():
            metrics.DEAD_LETTERS.add(values, {"feature": feature, "reason": reason.partition(":")[0]})
            log.warning("values of a feature are dead letters", feature=feature, reason=reason, values=values)
        return tuple(new)

    async def measured_again(self, table: bytes) -> Columns:
        """Columns by feature of a serialized CandidateTable; without those of transforms where one crashes or hangs."""
        if self._again is not None:
            with suppress(TimeoutError, ChildDiedError):
                async with asyncio.timeout(WRITE_S):
                    made = await self._again.run(Again(table, self._source))
                    assert isinstance(made, dict)
                    return made
        return await asyncio.to_thread(measured_again, Again(table))

    async def forget(self, job: Job, tables: Sequence[str]) -> None:
        """Take back what `add` added: its video was deleted in the meantime."""
        for table in tables:
            await self._offline.forget(table, job.owner_id, job.video_id, job.job_id)
        await self._online.forget(job.owner_id, job.video_id)

    async def erase(self, owner_id: str, video_id: str) -> None:
        """Erase all that is kept of a video."""
        await self._offline.erase(TABLES, owner_id, video_id)
        await self._online.forget(owner_id, video_id)

    async def known(
        self, owner_id: str, entity: str, clips: Sequence[ClipAt], features: Sequence[str], *, backfilled: bool = False
    ) -> list[list[Found]]:
        """Each clip's features: now from what is at hand, else, and at a time, from the files. KeyError: no entity."""
        ttl_s, now_s = self.pipeline.entities[entity].ttl_s, self._clock()
        answer: dict[int, list[Found]] = {}
        wanted = set(features)
        for video_id in dict.fromkeys(clip.video_id for clip in clips):
            places = [k for k, clip in enumerate(clips) if clip.video_id == video_id]
            now = [k for k in places if clips[k].at_s is None]
            vectors = (
                await self._online.get(owner_id, video_id, [f"{entity}/{clips[k].clip_id}" for k in now]) if now else []
            )
            for k, vector in zip(now, vectors, strict=True):
                if vector is not None and not wanted & set((held := FeatureVector.FromString(vector)).lost):
                    rows = _rows(clips[k].clip_id, held)
                    (answer[k],) = as_of(rows, [Asked(clips[k].clip_id, now_s)], features, ttl_s, backfilled=True)
            rest = [k for k in places if k not in answer]
            if rest:
                asked = [Asked(clips[k].clip_id, now_s if (at_s := clips[k].at_s) is None else at_s) for k in rest]
                rows = await self._offline.rows(table_of(entity), owner_id, video_id, {each.clip_id for each in asked})
                work = partial(as_of, rows, asked, features, ttl_s, backfilled=backfilled)
                answer |= dict(zip(rest, await asyncio.to_thread(work), strict=True))
            metrics.count_read(entity, "online", len(places) - len(rest))
            metrics.count_read(entity, "offline", len(rest))
        found = [answer[k] for k in range(len(clips))]
        for clip, each in zip(clips, found, strict=True):
            metrics.note_ages(entity, each, now_s if clip.at_s is None else clip.at_s)
        return found

    async def prune(self) -> None:
        """Erase what is older than anything that may be asked."""
        await self._offline.prune(TABLES, datetime.fromtimestamp(self._clock(), UTC) - self._keep)

    async def close(self) -> None:
        for children in filter(None, (self._children, self._again)):
            await children.close()
        await self._online.close()

    async def _written(self, scored: Scored) -> Written:
        if self._children is None:
            return await asyncio.to_thread(written, scored)
        try:
            async with asyncio.timeout(WRITE_S):
                made = await self._children.run(scored)
        except TimeoutError:
            made = await asyncio.to_thread(written, replace(scored, without=f"TRANSFORM_TOO_SLOW: over {WRITE_S:g} s"))
        except ChildDiedError:
            made = await asyncio.to_thread(written, replace(scored, without="TRANSFORM_CRASHED"))
        assert isinstance(made, Written)
        return made


def _rows(clip_id: str, held: FeatureVector) -> Rows:
    size = len(held.names)
    event_s = np.full(size, held.event_s)
    names, versions, values = list(held.names), np.array(held.versions, np.int64), np.array(held.values, np.float64)
    return Rows([clip_id] * size, [held.job_id] * size, names, versions, values, event_s, event_s)
