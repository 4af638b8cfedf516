"""Aliases point at versions that answer, move one at a time, and never forget who moved them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from clipmill_registry import store
from registry_world import RegistryWorld, code_of

from clipmill import topics
from clipmill.common.v1.common_pb2 import PROFILE_BALANCED, PROFILE_FAST
from clipmill.models.v1 import models_pb2 as pb
from clipmill.rpc_error import ClipmillRpcError
from clipmill_shared.bus import Subscription
from clipmill_shared.inference.aliases import Aliases as KnownAliases
from clipmill_shared.inference.messages import values_of
from clipmill_shared.inference.selection import Budget
from clipmill_shared.sql import Database

ROLLBACK = pb.RollbackRequest(model="scale", alias=pb.ALIAS_CHAMPION)


async def history(world: RegistryWorld) -> list[tuple[int, str, str, int]]:
    found = await world.call("GetHistory", pb.GetHistoryRequest(model="scale"))
    return [(move.generation, move.from_version, move.to_version, move.kind) for move in found.moves]


async def test_an_alias_moves_forward_and_back_and_its_history_only_grows(world_on_each: RegistryWorld):
    world = world_on_each
    for version in ("1", "2", "3"):
        await world.validated(version, float(version))
        move = await world.promote(version)
        assert (move.to_version, move.by) == (version, "local")
    for expected in ("2", "1"):
        assert (await world.call("Rollback", ROLLBACK)).move.to_version == expected
        assert (await world.version()).version == expected
    assert await code_of(world.call("Rollback", ROLLBACK)) == "EARLIER_VERSION_NOT_FOUND"
    promoted, back = pb.Move.KIND_PROMOTED, pb.Move.KIND_ROLLED_BACK
    assert await history(world) == [
        (5, "2", "1", back), (4, "3", "2", back), (3, "2", "3", promoted), (2, "1", "2", promoted),
        (1, "", "1", promoted),
    ]  # fmt: skip


async def test_every_move_is_published_with_all_of_the_models_aliases(world: RegistryWorld):
    heard: list[pb.ModelAliases] = []

    async def hear(event):
        heard.append(event.message)
        return ()

    await world.validated("1")
    await world.validated("2", 3)
    async with world.bus.run(Subscription(topics.MODELS_ALIASES, "test", hear)):
        await world.promote("1")
        await world.promote("2", pb.ALIAS_SHADOW)
        await world.call("ClearAlias", pb.ClearAliasRequest(model="scale", alias=pb.ALIAS_SHADOW))
        async with asyncio.timeout(10):
            while len(heard) < 3:
                await asyncio.sleep(0.01)
    said = [(a.generation, [(each.alias, each.version.version) for each in a.assigned]) for a in heard]
    champion = (pb.ALIAS_CHAMPION, "1")
    assert said == [(1, [champion]), (2, [champion, (pb.ALIAS_SHADOW, "2")]), (3, [champion])]
    version = heard[0].assigned[0].version
    assert version.artefact.blob.uri
    assert not version.HasField("signature") and not version.HasField("metadata"), "six versions fit into an event"


async def test_readers_are_told_the_sizes_what_they_take_and_what_the_champion_was_before(world: RegistryWorld):
    for version in ("1", "2", "3"):
        await world.validated(version, float(version))
    told = KnownAliases()
    async with world.bus.run(told.subscription):
        for version, alias in (("1", pb.ALIAS_CHAMPION), ("2", pb.ALIAS_CHAMPION), ("3", pb.ALIAS_LIGHT)):
            await world.promote(version, alias)
        async with asyncio.timeout(10):
            while told.version("scale", pb.ALIAS_LIGHT) is None:
                await asyncio.sleep(0.01)
    (fast,), (balanced,) = told.pinned(PROFILE_FAST), told.pinned(PROFILE_BALANCED)
    assert (fast.version, fast.earlier.version) == ("3", "2")
    assert (balanced.version, balanced.earlier.version, balanced.smaller.version) == ("2", "1", "3")
    figures = told.version("scale").figures
    assert 0 < figures.infer_s < 5
    assert told.pinned(PROFILE_BALANCED, Budget(figures.infer_s / 1e6))[0].reason.startswith("the light version: ")


async def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(world_on_each: RegistryWorld):
    world = world_on_each
    await world.validated("1")
    for version in ("2", "3"):
        # Both have looked what the alias is before either is loaded.
        await world.validated(version, float(version), "takes its time")
    await world.promote("1")
    done = await asyncio.gather(world.promote("2"), world.promote("3"), return_exceptions=True)
    (won,) = [move for move in done if isinstance(move, pb.Move)]
    (lost,) = [error for error in done if isinstance(error, ClipmillRpcError)]
    assert lost.code == "ALIAS_MOVED" and f"is {won.to_version} now" in lost.message
    assert (await world.version()).version == won.to_version
    assert len(await history(world)) == 2


async def test_a_promotion_says_what_it_believes_to_replace(world: RegistryWorld):
    await world.validated("1")
    await world.validated("2", 3)
    await world.promote("1")
    assert await code_of(world.promote("2", instead_of="0")) == "ALIAS_MOVED"
    assert (await world.promote("2", instead_of="1")).from_version == "1"


async def test_only_what_was_validated_is_promoted(world: RegistryWorld):
    await world.register(world.table("1"))
    assert await code_of(world.promote("1")) == "VERSION_NOT_VALIDATED"
    assert await code_of(world.promote("no-such")) == "VERSION_NOT_FOUND"
    assert await code_of(world.version()) == "ALIAS_NOT_FOUND"


async def test_what_does_not_load_any_more_is_not_promoted_and_the_champion_stays(world: RegistryWorld):
    await world.validated("1")
    await world.validated("2", 3, "breaks later")
    await world.promote("1")
    (world.folder / "scratch" / "models" / "scale" / "2" / "broken").touch()
    assert await code_of(world.promote("2")) == "VERSION_NOT_READY"
    assert (await world.version()).version == "1"
    assert len(await history(world)) == 1


async def test_an_alias_may_point_at_nothing_again(world: RegistryWorld):
    await world.validated("1")
    await world.promote("1")
    clear = pb.ClearAliasRequest(model="scale", alias=pb.ALIAS_CHAMPION)
    assert (await world.call("ClearAlias", clear)).move.from_version == "1"
    assert await code_of(world.call("ClearAlias", clear)) == "ALIAS_NOT_FOUND"


async def test_what_an_alias_points_at_is_not_deleted_and_what_is_deleted_is_gone(world_on_each: RegistryWorld):
    world = world_on_each
    await world.validated("1")
    await world.validated("2", 3)
    await world.promote("1")
    delete = pb.DeleteVersionRequest(model="scale", version="1")
    assert await code_of(world.call("DeleteVersion", delete)) == "VERSION_IN_USE"
    await world.promote("2")
    blob = (await world.version("1")).artefact.blob
    until = (await world.call("DeleteVersion", delete)).artefact_until
    assert await code_of(world.version("1")) == "VERSION_NOT_FOUND"
    assert until.seconds > time.time() + 86_000 and await world.blobs.exists(blob), "jobs may have it pinned"
    assert await code_of(world.call("Rollback", ROLLBACK)) == "VERSION_NOT_FOUND"


async def test_an_artefact_that_two_versions_have_goes_with_the_last(world: RegistryWorld):
    request = world.table("1")
    for version in ("1", "2"):
        request.version = version
        await world.register(request)
    first = await world.call("DeleteVersion", pb.DeleteVersionRequest(model="scale", version="1"))
    last = await world.call("DeleteVersion", pb.DeleteVersionRequest(model="scale", version="2"))
    assert (first.HasField("artefact_until"), last.HasField("artefact_until")) == (False, True)


async def test_an_artefact_is_erased_in_its_time_unless_it_was_registered_again(tmp_path: Path):
    async with RegistryWorld.running(tmp_path, delete_grace_s=0) as world:
        for version in ("1", "2"):
            await world.register(world.table(version, float(version)))
        blobs = {version: (await world.version(version)).artefact.blob for version in ("1", "2")}
        for version in ("1", "2"):
            await world.call("DeleteVersion", pb.DeleteVersionRequest(model="scale", version=version))
        await world.register(world.table("2", 2.0))
    async with RegistryWorld.running(tmp_path, delete_grace_s=0) as world, asyncio.timeout(10):
        while await world.blobs.exists(blobs["1"]):
            await asyncio.sleep(0.02)
        assert await world.blobs.exists(blobs["2"])


async def test_an_artefact_that_a_version_has_is_not_erased_whatever_was_noted(tmp_path: Path):
    """It was being registered under another name while the version that had it was deleted."""
    async with RegistryWorld.running(tmp_path, delete_grace_s=0) as world:
        await world.register(world.table("1"))
        blob = (await world.version("1")).artefact.blob
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/models.db")
    async with database.transaction() as on:
        await store.erase_later(on, blob, 0.0)
    async with RegistryWorld.running(tmp_path, delete_grace_s=0) as world, asyncio.timeout(10):
        while await noted(database):
            await asyncio.sleep(0.02)
        assert await world.blobs.exists(blob)
    await database.close()


async def noted(database: Database) -> list[str]:
    async with database.reading() as on:
        return list(await store.due(on, time.time()))


async def test_known_answers_are_erased_with_the_last_version_that_has_them(tmp_path: Path):
    async with RegistryWorld.running(tmp_path, delete_grace_s=0) as world:
        goldens = pb.Goldens(goldens=[pb.Golden(inputs=values_of({"x": np.array([[2.0]], np.float32)}))])
        for version in ("1", "2"):
            request = world.table(version)
            request.goldens.CopyFrom(goldens)
            await world.register(request)
        blob = (await world.version("1")).goldens
        await world.call("DeleteVersion", pb.DeleteVersionRequest(model="scale", version="1"))
        assert not await noted(Database(f"sqlite+aiosqlite:///{tmp_path}/models.db")), "version 2 has them"
        await world.call("DeleteVersion", pb.DeleteVersionRequest(model="scale", version="2"))
    async with RegistryWorld.running(tmp_path, delete_grace_s=0) as world, asyncio.timeout(10):
        while await world.blobs.exists(blob):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("alias", [pb.ALIAS_UNSPECIFIED, 17])
async def test_an_alias_that_there_is_not_is_refused(world: RegistryWorld, alias: int):
    assert await code_of(world.promote("1", alias)) == "INVALID_ALIAS"
