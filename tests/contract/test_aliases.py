"""A promotion reaches every process within two seconds, on each bus; who starts later knows it at once."""

from __future__ import annotations

import asyncio
import time

from contract.backends import aliases, until

from clipmill.models.v1.models_pb2 import ALIAS_CHAMPION, ALIAS_SHADOW, Artefact, Assigned, Version
from clipmill_shared.inference.aliases import Aliases

SWITCH_S = 2.0


def promotion(generation: int):
    """Champion and shadow change places with each."""
    event = aliases(generation)
    for alias, version in ((ALIAS_CHAMPION, generation), (ALIAS_SHADOW, -generation)):
        told = Version(model="faces", version=str(version), artefact=Artefact(source="here"))
        event.message.assigned.append(Assigned(alias=alias, version=told))
    return event


def seen_by(reader: Aliases) -> tuple[str, str]:
    found = [reader.version("faces", alias) for alias in (ALIAS_CHAMPION, ALIAS_SHADOW)]
    return tuple(version.version if version else "" for version in found)


async def test_every_process_hears_of_a_promotion_and_a_late_one_knows_it_when_it_starts(backend):
    first, second, late = Aliases(), Aliases(), Aliases()
    publisher = backend.bus()
    async with backend.bus().run(first.subscription), backend.bus().run(second.subscription):
        assert seen_by(first) == ("", "") and first.pinned() == []
        mixes = set()
        for generation in (1, 2, 3):
            began = time.monotonic()
            await publisher.publish(promotion(generation))
            await until(lambda n=str(generation): seen_by(first)[0] == seen_by(second)[0] == n)
            assert time.monotonic() - began < SWITCH_S
            mixes |= {seen_by(first), seen_by(second)}
            await asyncio.sleep(0)
        assert mixes == {(str(n), str(-n)) for n in (1, 2, 3)}, "of one moment"
    async with backend.bus().run(late.subscription):
        assert seen_by(late) == ("3", "-3")
        assert [(p.model, p.version) for p in late.pinned()] == [("faces", "3")]
