"""The models that come with Clipmill, as versions of the registry: each start registers what its packages have."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from clipmill.models.v1 import models_pb2 as pb
from clipmill_models import NAMES, definition_of, reference_of
from clipmill_registry.aliases import Aliases, Wish
from clipmill_registry.registry import Registry
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import Definition
from clipmill_shared.inference.messages import signature_message

log = structlog.get_logger()
BY = "package"
# Definitions that come with Clipmill and have no weights until a version is registered.
WITHOUT_WEIGHTS = {name: f"clipmill_models.{name}:MODEL" for name in ("clip_scorer", "shots")}


def default_definition(model: str) -> str:
    """The definition of a model that comes with Clipmill, or whose weights alone do not, else ""."""
    return reference_of(model) if model in NAMES else WITHOUT_WEIGHTS.get(model, "")


async def register(registry: Registry, aliases: Aliases, names: Sequence[str] = NAMES) -> None:
    """Register, validate and, where nothing else answers, promote the version of each package."""
    for name in names:
        definition = definition_of(name)
        try:
            await _register(registry, aliases, definition)
        except ClipmillError as error:
            # It is absent, and said to be; the others are there.
            log.error("a model's package is of no use", model=name, code=error.code, error=error.message)


async def _register(registry: Registry, aliases: Aliases, definition: Definition) -> None:
    version = await registry.register(_request(definition))
    if version.state != pb.STATE_VALIDATED:
        version = (await registry.validate(version.model, version.version)).version
    try:
        champion = await aliases.pointed_at(definition.name, pb.ALIAS_CHAMPION)
    except ClipmillError as error:
        if error.code != "ALIAS_NOT_FOUND":
            raise
        champion = None
    # A packaged champion that is not this one went with its package, which is another now.
    if champion is None or (champion.version != version.version and not champion.HasField("artefact")):
        instead_of = champion.version if champion else ""
        await aliases.promote(Wish(definition.name, version.version, pb.ALIAS_CHAMPION, BY), instead_of)


def _request(definition: Definition) -> pb.RegisterRequest:
    card = definition.card
    return pb.RegisterRequest(
        model=definition.name,
        version=definition.version,
        definition=definition.reference,
        signature=signature_message(definition.signature),
        metadata=pb.Metadata(title=card.title, licence=card.licence, source=card.source, measured=card.measured),
    )
