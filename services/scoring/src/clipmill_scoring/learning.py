"""What becomes of clips, learnt: events in, preferences out, in one transaction each with the offset."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.catalog.v1.catalog_pb2 import CatalogChange
from clipmill.clips.v1.clips_pb2 import ClipsScored, ScoredClip, ScoredClips
from clipmill.pieces import length_s
from clipmill.scoring.v1.scoring_pb2 import EngagementEvent, Learned
from clipmill.topic import Topic
from clipmill_scoring import store
from clipmill_scoring.domain import preferences as rules
from clipmill_scoring.domain.outcomes import Kind, Outcome, outcome
from clipmill_scoring.domain.preferences import Preferences
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.feature_store.store import FeatureStore, Job
from clipmill_scoring.served import ServedLog, sample_of
from clipmill_scoring.store import ALL_OWNERS, ScoredJob, Served
from clipmill_shared.askers import Askers
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Handler, Offsets, Poison, Subscription
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event
from clipmill_shared.offsets import SqlOffsets
from clipmill_shared.service import nothing
from clipmill_shared.sql import Database, serial

GROUP = "scoring"
# Longer than the topics keep anything.
FORGET_AFTER_S = 30 * 86_400.0
PRUNE_EVERY_S = 3600.0


class Learning:
    """Handles clips that were scored, what was done with them, and videos that are to be forgotten."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        askers: Askers,
        offsets: SqlOffsets,
        features: FeatureStore | None = None,
        *,
        served: ServedLog | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._askers = askers
        self._offsets = offsets
        self._features = features
        self._served = served
        self._clock = clock

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        def kept(topic: Topic, handler: Handler) -> Subscription:
            offsets: Offsets = self._offsets
            return Subscription(topic, GROUP, handler, offsets=offsets)

        return (
            kept(topics.CLIPS_SCORED, self.on_scored),
            kept(topics.ENGAGEMENT_EVENTS, self.on_engagement),
            kept(topics.CATALOG_CHANGES, self.on_catalog_change),
        )

    async def on_scored(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """Keep where a job's candidates lie, its clips as vectors, and its features."""
        message: ClipsScored = event.message
        if not message.HasField("candidates"):
            return ()
        scored = await self._blobs.get_message(message.scored, ScoredClips)
        served = [served_of(message.video_id, clip) for clip in scored.clips]
        owner_id, at_s = event.owner_id, event.time.timestamp()
        job = ScoredJob(
            message.task.job_id,
            message.video_id,
            at_s,
            message.candidates,
            formula=scored.formula_version,
            sample=scored.sample,
        )
        take_back = await self._keep_features(owner_id, job, frozenset(clip.clip_id for clip in served))
        is_kept = False
        async with self._offsets.taking(event) as on:
            if on:
                await serial(on, "erased")
                if is_kept := await store.add_job(on, owner_id, job):
                    await store.add_clips(on, owner_id, served, at_s)
        if not is_kept:
            # Of a video that was deleted; another may have handled the same event, and its features stay.
            async with self._database.reading() as on:
                is_known = await store.candidates_of(on, owner_id, job.job_id) is not None
            if not is_known:
                await take_back()
        elif self._served is not None:
            for clip in scored.clips:
                self._served.note(sample_of(owner_id, job.job_id, job.video_id, clip, at_s))
        return ()

    async def _keep_features(
        self, owner_id: str, job: ScoredJob, chosen: frozenset[str]
    ) -> Callable[[], Awaitable[None]]:
        """Keep a job's features; what undoes it, for a video that was deleted in the meantime.

        Who deletes one says so in the database before he erases its features, so one of both sees the other.
        """
        if self._features is None:
            return nothing
        table = await self._blobs.get_bytes(job.candidates)
        values = Job(owner_id, job.job_id, job.video_id, table, chosen, job.scored_at)
        return partial(self._features.forget, values, await self._features.add(values))

    async def on_engagement(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """Learn from what was done with a clip, once however often the event comes. Poison for what cannot be.

        A clip that is not known yet is waited for as long as the bus tries a record again.
        """
        message: EngagementEvent = event.message
        try:
            owner_id = self._askers.owner_of(event)
            kind = Kind(message.kind)
        except (ClipmillError, ValueError) as error:
            raise Poison(str(error)) from None
        now_s = self._clock()
        async with self._offsets.taking(event) as on:
            if on is None:
                return ()
            await serial(on, "preferences")
            clip = await store.clip_of(on, owner_id, message.clip_id)
            if clip is None:
                raise ClipmillError(
                    "CLIP_NOT_FOUND", f"There is no clip {message.clip_id[:100]}.", "Send it when the job has ended."
                )
            try:
                what = outcome(kind, message.value, clip.duration_s)
            except ValueError as error:
                raise Poison(str(error)) from None
            if await store.is_first(on, owner_id, event.id, now_s):
                await store.add_outcome(on, owner_id, clip.clip_id, what)
                await learn(on, owner_id, clip, what, now_s)
        return ()

    async def on_catalog_change(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """Forget a video that was deleted."""
        change: CatalogChange = event.message
        if change.kind == CatalogChange.KIND_VIDEO_DELETED:
            if self._features is not None:
                async with self._database.transaction() as on:
                    await serial(on, "erased")
                    await store.erase_video(on, event.owner_id, change.video_id, event.time.timestamp())
                await self._features.erase(event.owner_id, change.video_id)
            async with self._offsets.taking(event) as taken:
                if taken is not None:
                    await store.erase_video(taken, event.owner_id, change.video_id, event.time.timestamp())
        return ()

    async def prune(self) -> None:
        """Forget, now and then, what is too old to matter; until cancelled."""
        while True:
            async with self._database.transaction() as on:
                await store.prune(on, self._clock() - FORGET_AFTER_S)
            if self._features is not None:
                await self._features.prune()
            await asyncio.sleep(PRUNE_EVERY_S)


async def learn(on: AsyncConnection, owner_id: str, clip: Served, what: Outcome, now_s: float) -> None:
    """Move the owner's preferences, and all owners' a little."""
    kept = await store.preferences_of(on, owner_id, ALL_OWNERS)
    plain = rules.prior(at_s=now_s)
    everybody = rules.decayed(rules.adapted(kept.get(ALL_OWNERS, plain), plain), plain, now_s)
    own = kept.get(owner_id) or rules.of_owner(everybody, now_s)
    own = rules.decayed(rules.adapted(own, everybody), everybody, now_s)
    vector = rules.aligned(clip.names, clip.vector)
    own = rules.updated(own, vector, what.good, what.weight)
    everybody = rules.updated(everybody, vector, what.good, what.weight * rules.for_all(own.events))
    await store.put_preferences(on, owner_id, own)
    await store.put_preferences(on, ALL_OWNERS, everybody)


async def believed(on: AsyncConnection, owner_id: str) -> tuple[Preferences, Learned]:
    """What is believed of an owner now, and what that rests on."""
    kept = await store.preferences_of(on, owner_id, ALL_OWNERS)
    plain = rules.prior()
    everybody = rules.adapted(kept.get(ALL_OWNERS, plain), plain)
    own = kept.get(owner_id)
    learned = Learned(owner_events=own.events if own else 0, all_events=everybody.events)
    if own is None:
        return everybody, learned
    learned.updated_at.FromDatetime(datetime.fromtimestamp(own.at_s, UTC))
    return rules.adapted(own, everybody), learned


def served_of(video_id: str, clip: ScoredClip) -> Served:
    """A clip as it is learnt from."""
    head = clip.head
    values = {feature.name: feature.value for feature in clip.features}
    names = tuple(WEIGHTS)
    return Served(head.clip_id, video_id, length_s(head), names, rules.vector(names, values))
