"""Aliases: which version answers. Each move is one transaction with what is published of it."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.models.v1 import models_pb2 as pb
from clipmill_registry import store
from clipmill_registry.domain.history import before
from clipmill_registry.errors import alias_name, in_use, moved, no_alias, no_version, not_validated
from clipmill_registry.readiness import Readiness
from clipmill_registry.store import serial_for_model
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, event_id
from clipmill_shared.outbox import Outbox
from clipmill_shared.sql import Database
from clipmill_shared.work import SYSTEM_OWNER

log = structlog.get_logger()


@dataclass(frozen=True)
class Wish:
    """That an alias of a model point at a version; `by` whom."""

    model: str
    version: str
    alias: pb.Alias.ValueType
    by: str


class Aliases:
    """`packaged` are the models that always have a champion; `drain_s` is how long what is replaced stays loaded."""

    def __init__(
        self, database: Database, outbox: Outbox, readiness: Readiness, *, packaged: Container[str], drain_s: float
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._readiness = readiness
        self._packaged = packaged
        self._drain_s = drain_s
        self._letting_go: set[asyncio.Task[None]] = set()

    async def pointed_at(self, model: str, alias: pb.Alias.ValueType) -> pb.Version:
        """ALIAS_NOT_FOUND where the alias points at nothing."""
        async with self._database.reading() as on:
            found = await store.pointed(on, model, alias)
            version = await store.find(on, model, found.version) if found.version else None
        if version is None:
            raise no_alias(model, alias)
        return version

    async def promote(self, wish: Wish, instead_of: str = "") -> pb.Move:
        """Let an alias point at a version that was validated and answers. ALIAS_MOVED when another was quicker."""
        async with self._database.reading() as on:
            seen = await store.pointed(on, wish.model, wish.alias)
        if instead_of and seen.version != instead_of:
            raise moved(wish.model, wish.alias, seen.version)
        return await self._point(wish, seen, pb.Move.KIND_PROMOTED)

    async def rollback(self, model: str, alias: pb.Alias.ValueType, by: str) -> pb.Move:
        """Let an alias point at what it pointed at before. EARLIER_VERSION_NOT_FOUND."""
        async with self._database.reading() as on:
            seen = await store.pointed(on, model, alias)
            target = before(await store.moves_of(on, model, store.MAX_MOVES, alias))
        if not target:
            raise ClipmillError(
                "EARLIER_VERSION_NOT_FOUND",
                f"The {alias_name(alias)} of {model} has pointed at nothing before.",
                "Promote the version that is to answer.",
            )
        return await self._point(Wish(model, target, alias, by), seen, pb.Move.KIND_ROLLED_BACK)

    async def clear(self, model: str, alias: pb.Alias.ValueType, by: str) -> pb.Move:
        """Let an alias point at nothing; the champion of a model that comes with its weights always points at one."""
        if alias == pb.ALIAS_CHAMPION and model in self._packaged:
            raise ClipmillError("INVALID_ALIAS", f"{model} always has a champion.", "Promote another version instead.")
        async with self._database.transaction() as on:
            await serial_for_model(on, model)
            seen = await store.pointed(on, model, alias)
            if not seen.version:
                raise no_alias(model, alias)
            made = pb.Move(model=model, alias=alias, from_version=seen.version, kind=pb.Move.KIND_CLEARED, by=by)
            return await self._moved(on, made)

    async def _point(self, wish: Wish, seen: store.Pointed, kind: pb.Move.Kind.ValueType) -> pb.Move:
        async with self._database.reading() as on:
            found = await store.find(on, wish.model, wish.version)
        if found is None:
            raise no_version(wish.model, wish.version)
        if found.state != pb.STATE_VALIDATED:
            raise not_validated(found)
        # Takes as long as loading does: another may move the alias meanwhile, which is looked for below.
        await self._readiness.make_ready(found)
        try:
            made = await self._moved_if_unchanged(found, wish, seen, kind)
        except ClipmillError:
            self._let_go(found)
            raise
        if made.from_version and made.from_version != made.to_version:
            self._let_go(pb.Version(model=wish.model, version=made.from_version))
        log.info("an alias was moved", model=wish.model, alias=alias_name(wish.alias), to=wish.version, by=wish.by)
        return made

    async def _moved_if_unchanged(
        self, found: pb.Version, wish: Wish, seen: store.Pointed, kind: pb.Move.Kind.ValueType
    ) -> pb.Move:
        async with self._database.transaction() as on:
            await serial_for_model(on, wish.model)
            now = await store.pointed(on, wish.model, wish.alias)
            if now != seen:
                raise moved(wish.model, wish.alias, now.version)
            still = await store.find(on, wish.model, wish.version)
            if still is None or still.state != pb.STATE_VALIDATED:
                raise not_validated(still or found)
            made = pb.Move(
                model=wish.model,
                alias=wish.alias,
                from_version=now.version,
                to_version=wish.version,
                kind=kind,
                by=wish.by,
            )
            return await self._moved(on, made)

    async def load(self, model: str, version: str) -> None:
        """Have a validated version loaded wherever it may be asked. VERSION_NOT_READY."""
        async with self._database.reading() as on:
            found = await store.find(on, model, version)
        if found is None:
            raise no_version(model, version)
        if found.state != pb.STATE_VALIDATED:
            raise not_validated(found)
        await self._readiness.make_ready(found)

    async def unload(self, model: str, version: str) -> None:
        """Let go of a version now. VERSION_IN_USE while an alias points at it."""
        async with self._database.reading() as on:
            found = await store.find(on, model, version)
        if found is None:
            raise no_version(model, version)
        if found.aliases:
            raise in_use(found)
        await self._readiness.release(found)

    async def close(self) -> None:
        for task in self._letting_go:
            task.cancel()
        await asyncio.gather(*self._letting_go, return_exceptions=True)

    def _let_go(self, version: pb.Version) -> None:
        """Unload a version when what began with it has ended, unless an alias points at it by then."""
        task = asyncio.create_task(self._drained(version.model, version.version))
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)

    async def _drained(self, model: str, version: str) -> None:
        await asyncio.sleep(self._drain_s)
        try:
            await self.unload(model, version)
        except ClipmillError as error:
            log.info("a version stays loaded", model=model, version=version, why=error.message)

    async def _moved(self, on: AsyncConnection, made: pb.Move) -> pb.Move:
        done = await store.move(on, made)
        await self._outbox.add(on, _event(await store.aliases_of(on, done.model)))
        return done

    async def tell_again(self) -> None:
        """Publish all aliases as they are: a broker that lost its data has lost them too."""
        async with self._database.transaction() as on:
            for model in await store.aliased_models(on):
                await serial_for_model(on, model)
                await self._outbox.add(on, _event(await store.aliases_of(on, model)))


def _event(aliases: pb.ModelAliases) -> Event[pb.ModelAliases]:
    told = [assigned.version for assigned in aliases.assigned]
    for version in (*told, aliases.previous) if aliases.HasField("previous") else told:
        # Readers run a version; what people read of it stays here, and so six of them are far under an event's 64 KiB.
        for field in ("metadata", "failure", "goldens", "signature"):
            version.ClearField(field)
    name = event_id("aliases", aliases.model, aliases.generation)
    return Event(topics.MODELS_ALIASES, aliases, name, SYSTEM_OWNER, "/models")
