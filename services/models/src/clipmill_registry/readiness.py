"""Whether a version answers now, wherever it is to be asked."""

from __future__ import annotations

from typing import Protocol

from clipmill.models.v1.models_pb2 import Version
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.artefacts import Artefacts
from clipmill_shared.inference.executor import Executor, check_ready


class Readiness(Protocol):
    async def make_ready(self, version: Version) -> None:
        """Have the version loaded, and see that it answers. VERSION_NOT_READY."""
        ...

    async def release(self, version: Version) -> None:
        """Let go of a version that no alias points at any more."""
        ...


class ReadyHere:
    """By a small real inference in this process, which answers Predict."""

    def __init__(self, executor: Executor, artefacts: Artefacts) -> None:
        self._executor = executor
        self._artefacts = artefacts

    async def make_ready(self, version: Version) -> None:
        try:
            await check_ready(self._executor, await self._artefacts.definition(version))
        except ClipmillError as error:
            raise not_ready(version, error.message) from error

    async def release(self, version: Version) -> None:
        """Nothing: here the model that was used longest ago goes when room is needed."""


class ReadyEverywhere:
    """In each of these places, in their order."""

    def __init__(self, *places: Readiness) -> None:
        self._places = places

    async def make_ready(self, version: Version) -> None:
        for place in self._places:
            await place.make_ready(version)

    async def release(self, version: Version) -> None:
        for place in self._places:
            await place.release(version)


def not_ready(version: Version, why: str) -> ClipmillError:
    return ClipmillError(
        "VERSION_NOT_READY",
        f"{version.model} {version.version} does not answer, so no alias may point at it: {why[:300]}",
        "Validate it again, see what the error says, then promote it; nothing was changed.",
    )
