"""What can go wrong with versions and aliases."""

from __future__ import annotations

from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared.errors import ClipmillError


def alias_name(alias: pb.Alias.ValueType) -> str:
    return pb.Alias.Name(alias).removeprefix("ALIAS_").lower()


def no_version(model: str, version: str) -> ClipmillError:
    return ClipmillError(
        "VERSION_NOT_FOUND",
        f"There is no version {version[:64]} of a model {model[:64]}.",
        "`clipmill models list` names them.",
    )


def no_alias(model: str, alias: pb.Alias.ValueType) -> ClipmillError:
    return ClipmillError(
        "ALIAS_NOT_FOUND",
        f"The {alias_name(alias)} of {model[:64]} points at nothing.",
        "Promote a version; `clipmill models list` names them.",
    )


def not_validated(version: pb.Version) -> ClipmillError:
    why = f": {version.failure.message}" if version.HasField("failure") else " yet."
    return ClipmillError(
        "VERSION_NOT_VALIDATED",
        f"{version.model} {version.version} is not known to work{why}",
        "Validate it first (`clipmill models validate`).",
    )


def moved(model: str, alias: pb.Alias.ValueType, to: str) -> ClipmillError:
    return ClipmillError(
        "ALIAS_MOVED",
        f"Another was quicker: the {alias_name(alias)} of {model} is {to or 'nothing'} now.",
        "Look at its history, and promote again if this is still what you want.",
    )


def in_use(version: pb.Version) -> ClipmillError:
    return ClipmillError(
        "VERSION_IN_USE",
        f"{version.version} is the {' and the '.join(map(alias_name, version.aliases))} of {version.model}.",
        "Promote another version first, or clear the alias.",
    )
