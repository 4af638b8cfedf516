"""Requests that come by the topic: whose they are, and what they hear."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from clipmill_ingest.domain.record import NOBODY
from world import OWNER, World

from clipmill import topics
from clipmill.jobs.v1.jobs_pb2 import Job, JobRequest, JobState
from clipmill.media.v1.media_pb2 import Source
from clipmill_shared.askers import Askers
from clipmill_shared.auth import SigningKey, Tokens
from clipmill_shared.bus import Subscription
from clipmill_shared.events import Event

KEY = SigningKey.make()
VIDEO = Source(url="https://example.org/talk.mp4")


class Answers:
    """What is said on jobs.progress, as anybody may read it."""

    def __init__(self) -> None:
        self.events: list[Event[Any]] = []
        self.grown = asyncio.Event()

    async def __call__(self, event: Event[Any]) -> Sequence[Event[Any]]:
        self.events.append(event)
        self.grown.set()
        return ()

    async def job(self, key: str) -> Job:
        """The first that is said of the request with this key."""
        async with asyncio.timeout(20):
            while True:
                self.grown.clear()
                for event in self.events:
                    if event.message.job.idempotency_key == key:
                        return event.message.job
                await self.grown.wait()


def request(key: str, *, claimed: str = "", token: str | None = None, source: Source = VIDEO) -> Event[Any]:
    # In process a record needs a key, which a line on Kafka does not; it proves as little.
    message = JobRequest(owner_id=claimed or OWNER, source=source)
    return Event(topics.INGEST_REQUESTS, message, key, claimed or OWNER, "/outside", token=token)


async def asked(world: World, askers: Askers, event: Event[Any]) -> tuple[Job, list[Job]]:
    """What is answered to a request, and the jobs that the ledger then has."""
    world.askers, answers = askers, Answers()
    async with world.run(**{"import": None}), world.bus.run(Subscription(topics.JOBS_PROGRESS, "reader", answers)):
        await world.bus.publish(event)
        answer = await answers.job(event.id)
        async with world.database.reading() as on:
            return answer, [job for owner in (OWNER, "eve") for job in await world.store.page(on, owner, (), None, 10)]


async def test_a_token_proves_whose_it_is_and_the_events_id_is_its_key(world: World) -> None:
    event = request("talk-1", token=KEY.sign(OWNER, 86_400))
    answer, kept = await asked(world, Askers(Tokens([KEY.public]), ""), event)
    assert (answer.state, answer.owner_id, answer.source.url) == (JobState.JOB_STATE_QUEUED, OWNER, VIDEO.url)
    assert [job.idempotency_key for job in kept] == ["talk-1"]


async def test_a_topic_that_is_bound_needs_no_token(world: World) -> None:
    answer, kept = await asked(world, Askers(None, OWNER), request("talk-1"))
    assert (answer.state, answer.owner_id, len(kept)) == (JobState.JOB_STATE_QUEUED, OWNER, 1)


ASKERS = Askers(Tokens([KEY.public]), "")


@pytest.mark.parametrize(
    ("askers", "event", "code", "words"),
    [
        (ASKERS, request("k"), "UNAUTHENTICATED", "does not prove"),
        (ASKERS, request("k", token="nonsense"), "UNAUTHENTICATED", "not valid"),
        (ASKERS, request("k", token=KEY.sign(OWNER, -120)), "UNAUTHENTICATED", "expired"),
        (ASKERS, request("k", token=SigningKey.make().sign(OWNER, 86_400)), "UNAUTHENTICATED", "not known"),
        (ASKERS, request("k", token=KEY.sign("eve", 86_400)), "PERMISSION_DENIED", "another owner"),
        (Askers(None, ""), request("k", token=KEY.sign(OWNER, 86_400)), "UNAUTHENTICATED", "no keys are configured"),
        (Askers(None, OWNER), request("k", claimed="eve"), "PERMISSION_DENIED", "another owner"),
        (Askers(None, OWNER), request("k" * 201), "INVALID_KEY", "too long"),
    ],
)
async def test_what_is_not_proved_is_answered_as_nobodys_and_leaves_no_trace_with_an_owner(
    tmp_path: Path, askers: Askers, event: Event[Any], code: str, words: str
) -> None:
    world = World(tmp_path)
    world.askers, answers = askers, Answers()
    async with world.run(**{"import": None}), world.bus.run(Subscription(topics.JOBS_PROGRESS, "reader", answers)):
        await world.bus.publish(event)
        answer = await answers.job(event.id[:200])
        async with world.database.reading() as on:
            kept = [job for owner in (OWNER, "eve", NOBODY) for job in await world.store.page(on, owner, (), None, 10)]
    assert (answer.state, answer.owner_id, answer.error.code) == (JobState.JOB_STATE_FAILED, NOBODY, code)
    assert words in answer.error.message
    assert answer.source == Source()
    assert event.token is None or event.token not in str(answer)
    assert kept == []


async def test_a_key_that_a_stranger_used_is_still_its_owners(world: World) -> None:
    world.askers, answers = ASKERS, Answers()
    async with world.run(**{"import": None}), world.bus.run(Subscription(topics.JOBS_PROGRESS, "reader", answers)):
        await world.bus.publish(request("talk-1"))
        await answers.job("talk-1")
        job = await world.submit(key="talk-1")
    assert job.state == JobState.JOB_STATE_QUEUED


async def test_two_strangers_with_one_event_id_get_an_answer_each(world: World) -> None:
    answers = Answers()
    world.askers = ASKERS
    async with world.run(**{"import": None}), world.bus.run(Subscription(topics.JOBS_PROGRESS, "reader", answers)):
        await world.bus.publish(request("1"), request("1"))
        async with asyncio.timeout(20):
            while len(answers.events) < 2:
                answers.grown.clear()
                await answers.grown.wait()
    assert len({event.id for event in answers.events}) == 2
