"""Which versions answer now, as `models.aliases` tells each process.

A process reads the compacted topic from its beginning before it takes anything in, and every move as it comes. Where
nobody runs the registry nothing is ever told, and the versions of the packages answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from google.protobuf.message import Message

from clipmill import topics
from clipmill.common.v1.common_pb2 import Profile
from clipmill.models.v1.models_pb2 import ALIAS_CHAMPION, Alias, ModelAliases, PinnedVersion, Version
from clipmill_shared.bus import Subscription
from clipmill_shared.events import Event
from clipmill_shared.inference.selection import Budget, pin_of

log = structlog.get_logger()


class Aliases:
    """Give `subscription` to the bus, and ask. Each answer is of one moment: a model's aliases move together."""

    def __init__(self) -> None:
        self._known: dict[str, ModelAliases] = {}

    @property
    def subscription(self) -> Subscription:
        return Subscription(topics.MODELS_ALIASES, "", self._on_move, broadcast=True, from_beginning=True)

    def version(self, model: str, alias: Alias.ValueType = ALIAS_CHAMPION) -> Version | None:
        """What the alias points at; None where it points at nothing, or nobody has told."""
        known = self._known.get(model)
        return next((each.version for each in known.assigned if each.alias == alias), None) if known else None

    def earlier(self, version: Version) -> Version | None:
        """What was the champion before this one, which is it now; None where it is not, or was the first."""
        known, now = self._known.get(version.model), self.version(version.model)
        is_champion = known is not None and now is not None and now.version == version.version
        return known.previous if known and is_champion and known.HasField("previous") else None

    def pinned(
        self, profile: Profile.ValueType = Profile.PROFILE_BALANCED, budget: Budget = Budget()
    ) -> list[PinnedVersion]:
        """The versions for a job that is admitted now; models that are not among them answer by their packages'."""
        pins = (pin_of(self._known[model], profile, budget) for model in sorted(self._known))
        return [pin for pin in pins if pin is not None]

    async def _on_move(self, event: Event[Any]) -> Sequence[Event[Message]]:
        told: ModelAliases = event.message
        known = self._known.get(told.model)
        # A broker may bring an older one after a newer one when it is read anew.
        if known is None or known.generation < told.generation:
            self._known[told.model] = told
            log.info("aliases were moved", model=told.model, generation=told.generation)
        return ()
