"""A request on models.lifecycle is a training, once; what nobody may ask for is a dead letter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from clipmill_registry import packaged
from registry_world import RUN, SCALE, TRAINERS, RegistryWorld, ended, trained

from clipmill import topics
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.events import Event

SETTINGS = {"trainers": TRAINERS, "lifecycle_owner": "local"}


@pytest.fixture(autouse=True)
def its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packaged.WITHOUT_WEIGHTS, "scale", SCALE)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RegistryWorld]:
    async with RegistryWorld.running(tmp_path, train_s=3.0, **SETTINGS) as world:
        yield world


def asking(dataset: BlobRef, request_id: str, model: str = "scale", owner: str = "local") -> Event[pb.ModelLifecycle]:
    wish = pb.RetrainingRequest(dataset=dataset, reason="drift")
    message = pb.ModelLifecycle(owner_id=owner, model=model, retraining=wish)
    return Event(topics.MODELS_LIFECYCLE, message, request_id, owner, "/outside")


async def told(world: RegistryWorld, *wanted: Event[pb.ModelLifecycle], count: int) -> list[pb.TrainingRun]:
    """Publish requests, and hear what is said of trainings until there are `count`."""
    heard: list[pb.TrainingRun] = []

    async def hear(event: Event[pb.ModelLifecycle]) -> tuple[()]:
        if event.message.HasField("training"):
            heard.append(event.message.training)
        return ()

    async with asyncio.timeout(60), world.bus.run(Subscription(topics.MODELS_LIFECYCLE, "test", hear)):
        await world.bus.publish(*wanted)
        while len(heard) < count:
            await asyncio.sleep(0.02)
    return heard


async def test_a_request_makes_the_challenger_and_both_ends_of_it_are_told(world: RegistryWorld):
    dataset = await world.blobs.put_bytes("local", b"7", "text/plain")
    begun, done = await told(world, asking(dataset, "r-1"), count=2)
    assert (begun.state, done.state) == (RUN.STATE_RUNNING, RUN.STATE_COMPLETED)
    assert (done.request_id, done.reason, done.by, done.rows) == ("r-1", "drift", "local", 1)
    assert (dict(done.lineage), done.dataset) == ({"rows": "numbers"}, dataset)
    challenger = await world.version(alias=pb.ALIAS_CHALLENGER)
    assert (challenger.version, challenger.state) == (done.version, pb.STATE_VALIDATED)


async def test_the_same_request_again_is_the_same_training(world: RegistryWorld):
    dataset = await world.blobs.put_bytes("local", b"7", "text/plain")
    first, again, other = asking(dataset, "r-1"), asking(dataset, "r-1"), asking(dataset, "r-2")
    runs = await told(world, first, again, other, count=4)
    assert sorted((run.request_id, run.state) for run in runs) == [
        (name, state) for name in ("r-1", "r-2") for state in (RUN.STATE_RUNNING, RUN.STATE_COMPLETED)
    ]
    assert (await ended(world, runs[0].run_id)).attempt == 1
    # The second one comes before the third, and has been handled by then.
    assert isinstance(world.bus, InProcessBus) and not world.bus.dead_letters


async def test_a_training_that_fails_is_told_with_its_reason(world: RegistryWorld):
    dataset = await world.blobs.put_bytes("local", b"hang", "text/plain")
    _, failed = await told(world, asking(dataset, "r-1"), count=2)
    assert (failed.state, failed.failure.code) == (RUN.STATE_FAILED, "TRAINING_TIMEOUT")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model": "faces"}, "TRAINER_NOT_FOUND"),
        ({"model": "../faces"}, "INVALID_VERSION"),
        ({"owner": "eve"}, "PERMISSION_DENIED"),
        ({"whose": "eve"}, "PERMISSION_DENIED"),
        ({"gone": True}, "BLOB_MISSING"),
        ({"large": True}, "INPUT_TOO_LARGE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_is_a_dead_letter_and_the_next_is_trained(
    world: RegistryWorld, change: dict[str, object], why: str
):
    assert isinstance(world.bus, InProcessBus)
    dataset = await world.blobs.put_bytes("local", b"7", "text/plain")
    bad = await world.blobs.put_bytes(str(change.get("whose", "local")), b"8", "text/plain")
    if "gone" in change:
        await world.blobs.delete(bad)
    if "large" in change:
        bad.size_bytes = 1 << 40
    model, owner = str(change.get("model", "scale")), str(change.get("owner", "local"))
    runs = await told(world, asking(bad, "bad", model, owner), asking(dataset, "good"), count=2)
    assert {run.request_id for run in runs} == {"good"}
    async with asyncio.timeout(10):
        while not world.bus.dead_letters:
            await asyncio.sleep(0.02)
    (letter,) = world.bus.dead_letters
    assert (letter.event.id, letter.attempts) == ("bad", 1) and why in str(letter.error)


@pytest.mark.parametrize(("bound_to", "why"), [("", "UNAUTHENTICATED"), ("eve", "eve is not the operator")])
async def test_who_does_not_prove_to_be_the_operator_gets_no_training(tmp_path: Path, bound_to: str, why: str):
    async with RegistryWorld.running(tmp_path, trainers=TRAINERS, lifecycle_owner=bound_to) as world:
        owner = bound_to or "local"
        dataset = await world.blobs.put_bytes(owner, b"7", "text/plain")
        await world.bus.publish(asking(dataset, "r-1", owner=owner))
        assert isinstance(world.bus, InProcessBus)
        async with asyncio.timeout(10):
            while not world.bus.dead_letters:
                await asyncio.sleep(0.02)
        assert why in str(world.bus.dead_letters[0].error)


async def test_more_rows_than_allowed_are_no_training(tmp_path: Path):
    async with RegistryWorld.running(tmp_path, **SETTINGS, train_max_rows=1) as world:
        run = await trained(world, "t1", b"1\n2")
        assert (run.state, run.failure.code) == (RUN.STATE_FAILED, "TRAINING_SET_UNFIT")
