"""What the registry keeps. Every function works inside the caller's transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.models.v1.models_pb2 import ALIAS_CHAMPION, Alias, Assigned, ModelAliases, Move, Version
from clipmill_registry.domain.history import before
from clipmill_registry.tables import aliases, erasures, moves, versions
from clipmill_shared.sql import serial

# Of an alias, as many are looked at.
MAX_MOVES = 1000


@dataclass(frozen=True)
class Pointed:
    """What an alias points at, and which of the model's moves set it; "" and 0 where it points at nothing."""

    version: str = ""
    generation: int = 0


@dataclass(frozen=True)
class Place:
    """A version's place in a list."""

    model: str
    registered_at: float
    version: str


def stamp(at_s: float) -> Timestamp:
    made = Timestamp()
    made.FromMicroseconds(round(at_s * 1e6))
    return made


async def serial_for_model(on: AsyncConnection, model: str) -> None:
    """Let nothing else change this model's versions or aliases until the transaction ends. To be said first in it."""
    await serial(on, f"model {model}")


async def add(on: AsyncConnection, version: Version) -> bool:
    """Keep a new version; False when there is one of this name."""
    if await find(on, version.model, version.version) is not None:
        return False
    await on.execute(versions.insert(), _row(version))
    return True


async def put(on: AsyncConnection, version: Version) -> bool:
    """Keep a version as it is now; False when it has been deleted."""
    where = and_(versions.c.model == version.model, versions.c.version == version.version)
    return (await on.execute(update(versions).where(where).values(_row(version)))).rowcount == 1


async def find(on: AsyncConnection, model: str, version: str) -> Version | None:
    where = and_(versions.c.model == model, versions.c.version == version)
    body: bytes | None = (await on.execute(select(versions.c.body).where(where))).scalar()
    return None if body is None else await _with_aliases(on, Version.FromString(body))


async def page(on: AsyncConnection, model: str, after: Place | None, size: int) -> list[tuple[Place, Version]]:
    """Versions by model, the newest first."""
    v = versions.c
    query = select(versions).order_by(v.model, v.registered_at.desc(), v.version).limit(size)
    if model:
        query = query.where(v.model == model)
    if after is not None:
        later = or_(
            v.registered_at < after.registered_at,
            and_(v.registered_at == after.registered_at, v.version > after.version),
        )
        query = query.where(or_(v.model > after.model, and_(v.model == after.model, later)))
    rows = (await on.execute(query)).all()
    return [
        (Place(row.model, row.registered_at, row.version), await _with_aliases(on, Version.FromString(row.body)))
        for row in rows
    ]


async def remove(on: AsyncConnection, model: str, version: str) -> None:
    await on.execute(delete(versions).where(versions.c.model == model, versions.c.version == version))


async def is_used(on: AsyncConnection, sha256: str) -> bool:
    """True when a version has the artefact, or the known answers, with this hash."""
    query = select(versions.c.model).where(versions.c.sha256 == sha256).limit(1)
    if (await on.execute(query)).first() is not None:
        return True
    # Seldom asked, of few: no column of its own.
    bodies = (await on.execute(select(versions.c.body))).scalars()
    return any(Version.FromString(body).goldens.sha256 == sha256 for body in bodies)


async def erase_later(on: AsyncConnection, ref: BlobRef, due_at_s: float) -> None:
    """Note a blob, an artefact or known answers, that no version has any more."""
    await keep_artefact(on, ref.sha256)
    row = {"sha256": ref.sha256, "due_at": due_at_s, "body": ref.SerializeToString()}
    await on.execute(erasures.insert(), row)


async def keep_artefact(on: AsyncConnection, sha256: str) -> None:
    """Let an artefact be, that was to be erased; waits for one who erases it now. To be said before it is put."""
    await serial(on, f"artefact {sha256}")
    await on.execute(delete(erasures).where(erasures.c.sha256 == sha256))


async def due(on: AsyncConnection, now_s: float) -> Sequence[str]:
    """The hashes of artefacts whose time has come."""
    return (await on.execute(select(erasures.c.sha256).where(erasures.c.due_at <= now_s))).scalars().all()


async def take_due(on: AsyncConnection, sha256: str) -> BlobRef | None:
    """An artefact to be erased in this transaction; None when it is kept after all."""
    await serial(on, f"artefact {sha256}")
    gone = delete(erasures).where(erasures.c.sha256 == sha256).returning(erasures.c.body)
    body: bytes | None = (await on.execute(gone)).scalar()
    return None if body is None else BlobRef.FromString(body)


async def pointed(on: AsyncConnection, model: str, alias: Alias.ValueType) -> Pointed:
    query = select(aliases).where(aliases.c.model == model, aliases.c.alias == alias)
    row = (await on.execute(query)).one_or_none()
    return Pointed() if row is None else Pointed(row.version, row.generation)


async def move(on: AsyncConnection, made: Move) -> Move:
    """Move an alias, and note it; the move with its number and time."""
    last: int | None = (
        await on.execute(select(func.max(moves.c.generation)).where(moves.c.model == made.model))
    ).scalar()
    made.generation = (last or 0) + 1
    made.at.CopyFrom(stamp(time.time()))
    where = and_(aliases.c.model == made.model, aliases.c.alias == made.alias)
    await on.execute(delete(aliases).where(where))
    if made.to_version:
        row = {"model": made.model, "alias": made.alias, "version": made.to_version, "generation": made.generation}
        await on.execute(aliases.insert(), row)
    noted = {
        "model": made.model,
        "generation": made.generation,
        "alias": made.alias,
        "from_version": made.from_version,
        "to_version": made.to_version,
        "kind": made.kind,
        "by": made.by,
        "at": made.at.ToMicroseconds() / 1e6,
    }
    await on.execute(moves.insert(), noted)
    return made


async def moves_of(on: AsyncConnection, model: str, size: int, alias: Alias.ValueType | None = None) -> list[Move]:
    """A model's moves, or one alias's, the newest first."""
    query = select(moves).where(moves.c.model == model).order_by(moves.c.generation.desc()).limit(size)
    if alias is not None:
        query = query.where(moves.c.alias == alias)
    return [
        Move(
            model=row.model,
            alias=row.alias,
            from_version=row.from_version,
            to_version=row.to_version,
            kind=row.kind,
            by=row.by,
            at=stamp(row.at),
            generation=row.generation,
        )
        for row in await on.execute(query)
    ]


async def aliases_of(on: AsyncConnection, model: str) -> ModelAliases:
    """All aliases of a model as they are now, each with its version."""
    joined = and_(versions.c.model == aliases.c.model, versions.c.version == aliases.c.version)
    query = (
        select(aliases.c.alias, versions.c.body)
        .join(versions, joined)
        .where(aliases.c.model == model)
        .order_by(aliases.c.alias)
    )
    last = (await on.execute(select(func.max(moves.c.generation)).where(moves.c.model == model))).scalar()
    assigned = [
        Assigned(alias=row.alias, version=Version.FromString(row.body)) for row in (await on.execute(query)).all()
    ]
    earlier = before(await moves_of(on, model, MAX_MOVES, ALIAS_CHAMPION))
    return ModelAliases(
        model=model,
        generation=last or 0,
        assigned=assigned,
        previous=await find(on, model, earlier) if earlier else None,
    )


async def aliased_models(on: AsyncConnection) -> Sequence[str]:
    """Models whose aliases were ever moved."""
    return (await on.execute(select(moves.c.model).distinct().order_by(moves.c.model))).scalars().all()


async def _with_aliases(on: AsyncConnection, version: Version) -> Version:
    query = select(aliases.c.alias).where(aliases.c.model == version.model, aliases.c.version == version.version)
    version.aliases.extend(sorted((await on.execute(query)).scalars()))
    return version


def _row(version: Version) -> dict[str, object]:
    kept = Version.FromString(version.SerializeToString())
    # Those are rows of their own.
    kept.ClearField("aliases")
    return {
        "model": kept.model,
        "version": kept.version,
        "state": kept.state,
        "sha256": kept.artefact.blob.sha256,
        "registered_at": kept.registered_at.ToMicroseconds() / 1e6,
        "body": kept.SerializeToString(),
    }
