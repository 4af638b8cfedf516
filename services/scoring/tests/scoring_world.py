"""Scoring that learns, on a database and blobs of its own, behind a real server; and what others send it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clipmill_scoring.service
import grpc.aio
from clipmill_scoring.domain.choose import choose_among
from clipmill_scoring.domain.formula import FORMULA_VERSION
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.spans import Spans
from clipmill_scoring.explained import scored_clip
from clipmill_scoring.settings import ScoringSettings
from clipmill_scoring.tabled import message_of, sample_of
from google.protobuf.message import Message
from scoring_talks import embed, talk

from clipmill import topics
from clipmill.catalog.v1.catalog_pb2 import CatalogChange
from clipmill.clips.v1.clips_pb2 import ClipsScored, ScoredClip, ScoredClips, ScoringTask
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill.scoring.v1.scoring_pb2_grpc import ScoringServiceStub
from clipmill.topic import Topic
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.contract import LogId
from clipmill_shared.events import Event, Position
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running

LINES = (
    "Why is the line that you stand in always slow?",
    "I asked my mother, and she said you never see the ones that you beat.",
    "The throughput of regulatory frameworks requires institutional coordination everywhere.",
    "It stopped in the end, and everybody went home to their families.",
    "Seven years later the same machine stood in another hall.",
    "Nobody knew who had built it or what it had been for.",
)


class QuietBus:
    """Publishes nowhere; what is subscribed is handed over by the test."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}

    async def publish(self, *events: Event[Message]) -> None:
        return None

    @asynccontextmanager
    async def run(self, *subscriptions: Subscription) -> AsyncIterator[None]:
        self.subscriptions = {subscription.topic.name: subscription for subscription in subscriptions}
        yield

    async def close(self) -> None:
        return None


@dataclass
class ScoringWorld:
    bus: QuietBus
    blobs: Blobs
    stub: Any
    address: str
    sql_url: str
    offsets: dict[str, int] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def running(
        cls, folder: Path, sql_url: str = "", owner: str = "ada", **options: Any
    ) -> AsyncIterator[ScoringWorld]:
        bus = QuietBus()
        blobs = Blobs.in_folder(folder / "blobs", folder / "scratch")
        url = sql_url or f"sqlite+aiosqlite:///{folder}/{{service}}.db"
        platform = Platform(bus, blobs, url, folder / "scratch", "test")  # type: ignore[arg-type]
        settings = ScoringSettings(learns=True, engagement_owner=owner, **options)
        service = clipmill_scoring.service.build(settings, platform)

        def caller(metadata: Iterable[tuple[str, str | bytes]]) -> str:
            return str(dict(metadata).get("owner", owner))

        async with (
            running([service], bus),  # type: ignore[arg-type]
            serving([service], f"unix:{folder}/s", authenticate=caller) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            yield cls(bus, blobs, ScoringServiceStub(channel), address, platform.sql_url_of("scoring"))

    async def hear(
        self, topic: Topic, message: Message, name: str, owner_id: str = "ada", at_s: float | None = None
    ) -> None:
        """Deliver an event as the bus would, under a claim of its partition."""
        subscription = self.bus.subscriptions[topic.name]
        assert subscription.offsets is not None
        claims = await subscription.offsets.claim(LogId("cluster", topic.name, topic.name), [0])
        offset = self.offsets[topic.name] = self.offsets.get(topic.name, -1) + 1
        position = Position("cluster", topic.name, 0, offset, claims[0].epoch, offset)
        event = Event(topic, message, name, owner_id, "/test", position=position)
        if at_s is not None:
            event = replace(event, time=datetime.fromtimestamp(at_s, UTC))
        await subscription.handler(event)

    async def scored(
        self,
        job_id: str = "j1",
        video_id: str = "v1",
        lines: tuple[str, ...] = LINES,
        change: Callable[[pb.CandidateTable], None] = lambda _: None,
        at_s: float | None = None,
        formula: str = FORMULA_VERSION,
        music: Spans | None = None,
    ) -> list[ScoredClip]:
        """A job ends: its clips."""
        choice, ranking = choose_among(video_id, replace(talk(*lines), music=music), Ask(3, 2, 8), embed)
        clips = [scored_clip(clip, rank) for rank, clip in enumerate(choice.clips, start=1)]
        kept = message_of(ranking.table, ScoringTask(clips=3))
        change(kept)
        table = kept.SerializeToString()
        scored = ScoredClips(video_id=video_id, clips=clips, formula_version=formula, sample=sample_of(ranking))
        message = ClipsScored(
            task=Task(owner_id="ada", job_id=job_id, task_id=f"{job_id}-t", attempt=1),
            video_id=video_id,
            scored=await self.blobs.put_message("ada", scored),
            candidates=await self.blobs.put_bytes("ada", table, "application/protobuf"),
            clips=[clip.head for clip in clips],
        )
        await self.hear(topics.CLIPS_SCORED, message, f"{job_id}-scored-{time.time_ns()}", at_s=at_s)
        return clips

    async def engage(
        self, clip_id: str, kind: pb.EngagementEvent.Kind.ValueType, value: float = 0, name: str = ""
    ) -> None:
        event = pb.EngagementEvent(clip_id=clip_id, kind=kind, value=value)
        await self.hear(topics.ENGAGEMENT_EVENTS, event, name or f"e-{time.time_ns()}", "")

    async def deleted(self, video_id: str) -> None:
        change = CatalogChange(owner_id="ada", video_id=video_id, kind=CatalogChange.KIND_VIDEO_DELETED)
        await self.hear(topics.CATALOG_CHANGES, change, f"gone-{time.time_ns()}")

    async def rerank(self, owner: str = "ada", **request: Any) -> pb.ScoreClipsResponse:
        call = self.stub.ScoreClips(pb.ScoreClipsRequest(**{"job_id": "j1"} | request), metadata=(("owner", owner),))
        response: pb.ScoreClipsResponse = await call
        return response
