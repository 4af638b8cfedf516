"""A promotion in the middle of jobs: all parts of a job are answered by the version of its admission."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from harness.tiny_models import TIMES, numbers

from clipmill.models.v1 import models_pb2 as pb
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import Answer
from clipmill_shared.inference.aliases import Aliases
from clipmill_shared.inference.apart import infer, with_models
from clipmill_shared.inference.configured import Inference
from clipmill_shared.inference.model_children import ModelChildren
from clipmill_shared.inference.pins import Pins
from clipmill_shared.service import Service, running

ROOT = Path(__file__).parents[2]
TESTS = [ROOT / "services" / name / "tests" for name in ("models", "ingest")]
sys.path[:0] = map(str, TESTS)


def multiplied(value, report):
    return infer(TIMES, numbers(value))["y"].item()


in_a_child = with_models(multiplied)


class Jobs:
    """Ingest with a registry beside it, on one bus and one store; `looked` has what each job's parts were answered."""

    def __init__(self, world: Any, registry: Any, aliases: Aliases) -> None:
        self.world, self.registry, self.aliases = world, registry, aliases
        self.looked: dict[str, list[float]] = defaultdict(list)
        self.switched = asyncio.Event()
        pins = Pins(world.blobs, world.folder / "scratch")
        self._children = ModelChildren(f"{__name__}:in_a_child", 2, Inference(), pins=pins)

    async def look(self, task: VisionTask, report: Any) -> VisionAnalyzed:
        if task.part.start_s:
            await self.switched.wait()
        self.looked[task.task.job_id].append(await self._children.run(1.0))
        ref = await self.world.blobs.put_bytes("ada", b"seen", "text/plain")
        return VisionAnalyzed(answer=Answer(), part=task.part, analysis=ref, video_id=task.video_id)

    async def promote(self, version: str) -> None:
        request = pb.PromoteRequest(model="faces", version=version, alias=pb.ALIAS_CHAMPION)
        await self.registry.call("Promote", request)
        async with asyncio.timeout(10):
            while (told := self.aliases.version("faces")) is None or told.version != version:
                await asyncio.sleep(0.01)

    async def register(self, version: str) -> None:
        request = self.registry.file(version, json.dumps({"by": int(version)}).encode())
        request.model, request.version, request.definition = "faces", version, "harness.tiny_models:TIMES"
        await self.registry.register(request)
        await self.registry.call("Validate", pb.ValidateRequest(model="faces", version=version))

    async def close(self) -> None:
        await self._children.close()


@pytest.fixture
async def jobs(tmp_path, monkeypatch):
    from clipmill_ingest.ledger import Ledger
    from registry_world import RegistryWorld
    from world import WORK, World

    monkeypatch.setenv("PYTHONPATH", ":".join(map(str, [ROOT / "tests", ROOT / "tests" / "contract"])))
    world, aliases = World(tmp_path), Aliases()
    world.ledger = Ledger(world.settings, world.database, world.store, offsets=world.offsets, pinned=aliases.pinned)
    async with RegistryWorld.running(tmp_path, bus=world.bus) as registry:
        jobs = Jobs(world, registry, aliases)
        workers = [world.worker(name, jobs.look if name == "vision" else work) for name, work in WORK.items()]
        async with running([Service("pins", (aliases.subscription,)), world.service, *workers], world.bus):
            yield jobs
        await jobs.close()


async def test_every_part_of_a_job_is_answered_by_the_champion_of_its_admission(jobs):
    for version in ("3", "5"):
        await jobs.register(version)
    await jobs.promote("3")
    first = await jobs.world.submit(key="first")
    async with asyncio.timeout(20):
        while not jobs.looked[first.job_id]:
            await asyncio.sleep(0.01)
    await jobs.promote("5")
    second = await jobs.world.submit(key="second")
    await jobs.promote("3")
    third = await jobs.world.submit(key="third")
    jobs.switched.set()
    ended = [await jobs.world.ended(job.job_id) for job in (first, second, third)]
    assert (jobs.looked[first.job_id], jobs.looked[second.job_id]) == ([3, 3], [5, 5])
    # What the first one's version had made is the third one's answer, too.
    assert set(jobs.looked[third.job_id]) <= {3}
    assert [job.state for job in ended] == [ended[0].state] * 3
