"""Versions of models and moves of their aliases, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clipmill.models.v1 import models_pb2 as pb

VERSION_COLUMNS = ("Model", "Version", "State", "Is", "Since", "What")
MOVE_COLUMNS = ("", "When", "By", "Did", "Alias", "From", "To")


def details_of(version: pb.Version) -> Iterable[tuple[str, str]]:
    if version.HasField("failure"):
        yield "why", f"{version.failure.message} [{version.failure.code}]"
    yield "is", ", ".join(map(alias_name, version.aliases)) or "-"
    yield "runs by", version.definition
    for name, side in (("takes", version.signature.inputs), ("gives", version.signature.outputs)):
        yield name, ", ".join(f"{t.name} {t.dtype} {list(t.shape)}" for t in side) or "not known yet"
    if version.HasField("artefact"):
        blob = version.artefact.blob
        yield "weights", f"{blob.size_bytes / 1e6:,.1f} MB, {blob.sha256}, of {version.artefact.source}"
    for field in ("title", "licence", "source"):
        if text := getattr(version.metadata, field):
            yield field, text
    yield from sorted(version.metadata.measured.items())


def state_of(version: pb.Version) -> str:
    return pb.State.Name(version.state).removeprefix("STATE_").lower()


def alias_name(alias: pb.Alias.ValueType) -> str:
    return pb.Alias.Name(alias).removeprefix("ALIAS_").lower()


def version_row(version: pb.Version) -> tuple[str, ...]:
    """Of VERSION_COLUMNS."""
    names = ", ".join(map(alias_name, version.aliases))
    since = day(version.registered_at)
    return version.model, version.version, state_of(version), names, since, version.metadata.title


def move_row(move: pb.Move) -> tuple[str, ...]:
    """Of MOVE_COLUMNS."""
    did = pb.Move.Kind.Name(move.kind).removeprefix("KIND_").lower().replace("_", " ")
    where = (move.from_version or "-", move.to_version or "-")
    return str(move.generation), day(move.at), move.by, did, alias_name(move.alias), *where


def day(at: Any) -> str:
    """A timestamp in UTC, to the minute."""
    return str(at.ToDatetime().strftime("%Y-%m-%d %H:%M"))
