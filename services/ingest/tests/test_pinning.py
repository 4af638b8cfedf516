"""A job has the versions that were champions when it was admitted, from its beginning to its end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from clipmill_ingest.ledger import Ledger
from world import WORK, World

from clipmill import topics
from clipmill.clips.v1.clips_pb2 import ScoringTask
from clipmill.models.v1.models_pb2 import ALIAS_CHAMPION, Artefact, Assigned, ModelAliases, PinnedVersion, Version
from clipmill_shared.events import Event
from clipmill_shared.inference.aliases import Aliases


def told(version: str, generation: int, model: str = "clip_scorer") -> Event[ModelAliases]:
    champion = Version(model=model, version=version, definition="m:D", artefact=Artefact(source="here"))
    message = ModelAliases(
        model=model, generation=generation, assigned=[Assigned(alias=ALIAS_CHAMPION, version=champion)]
    )
    return Event(topics.MODELS_ALIASES, message, f"{model}-{generation}", "clipmill", "/models")


async def test_a_switch_concerns_jobs_that_are_admitted_after_it(tmp_path: Path):
    world, seen = World(tmp_path), {}
    aliases = Aliases()
    world.ledger = Ledger(world.settings, world.database, world.store, offsets=world.offsets, pinned=aliases.pinned)
    switched = asyncio.Event()

    async def hear(task: Any, report: Any) -> Any:
        # All are admitted, and all is switched, before any is scored.
        await switched.wait()
        return await WORK["audio"](task, report)

    async def score(task: ScoringTask, report: Any) -> Any:
        seen[task.task.job_id] = [(pinned.model, pinned.version) for pinned in task.pinned]
        return await WORK["scoring"](task, report)

    async with world.run(audio=hear, scoring=score):
        before = await world.submit(key="before")
        await aliases._on_move(told("7", 1))
        # Not one that scoring runs.
        await aliases._on_move(told("9", 1, "faces"))
        first = await world.submit(key="first")
        await aliases._on_move(told("8", 2))
        # An older one that comes late changes nothing.
        await aliases._on_move(told("7", 1))
        second = await world.submit(key="second", pinned=[PinnedVersion(model="clip_scorer", version="mine")])
        switched.set()
        for job in (before, first, second):
            await world.ended(job.job_id)
    assert seen == {
        before.job_id: [],
        first.job_id: [("clip_scorer", "7")],
        second.job_id: [("clip_scorer", "8")],
    }
