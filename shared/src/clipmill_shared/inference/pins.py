"""The versions that a task pins, brought to where its child processes find them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipmill.models.v1.models_pb2 import PinnedVersion
from clipmill_shared.blobs import BlobMissingError, Blobs
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.configured import Pin

if TYPE_CHECKING:
    from clipmill_shared.inference.artefacts import Artefacts


class Pins:
    """Artefacts are kept below `scratch`, each checked by its hash when it is first used."""

    def __init__(self, blobs: Blobs, scratch: Path) -> None:
        self._blobs = blobs
        self._folder = scratch / "models"
        self._artefacts: Artefacts | None = None

    async def of(self, pinned: Sequence[PinnedVersion]) -> tuple[Pin, ...]:
        """Errors: PINNED_VERSION_GONE, ARTEFACT_DAMAGED."""
        if pinned and self._artefacts is None:
            # Late: where nobody runs a registry, as in `clipmill run`, nothing is pinned.
            from clipmill_shared.inference.artefacts import Artefacts

            self._artefacts = Artefacts(self._blobs, self._folder)
        return tuple([await self._pin(each) for each in pinned])

    async def _pin(self, pinned: PinnedVersion) -> Pin:
        assert self._artefacts is not None
        try:
            return Pin(pinned.model, pinned.version, await self._artefacts.reference(pinned))
        except BlobMissingError as error:
            raise _gone(pinned) from error


async def artefact_of(blobs: Blobs, pinned: PinnedVersion) -> bytes:
    """The content of a small artefact, a table. PINNED_VERSION_GONE."""
    try:
        return await blobs.get_bytes(pinned.artefact.blob)
    except BlobMissingError as error:
        raise _gone(pinned) from error


def _gone(pinned: PinnedVersion) -> ClipmillError:
    """No other version stands in for it: one job, one set of models."""
    return ClipmillError(
        "PINNED_VERSION_GONE",
        f"The version {pinned.version} of {pinned.model}, which the job began with, was deleted.",
        "Submit the video again: the job then has the versions of today.",
    )
