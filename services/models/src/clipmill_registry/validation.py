"""Checks versions, each in a child process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from clipmill.models.v1.models_pb2 import Goldens, Version
from clipmill_registry.settings import ModelsSettings
from clipmill_registry.trial import Known, Trial, Tried
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.compute.child import Limits
from clipmill_shared.compute.children import ChildDiedError
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.artefacts import Artefacts
from clipmill_shared.inference.messages import signature_of, tensors_of

CHILD = "clipmill_registry.trial:run"


class Validation:
    """One version at a time."""

    def __init__(self, settings: ModelsSettings, blobs: Blobs, artefacts: Artefacts) -> None:
        self._settings = settings
        self._blobs = blobs
        self._artefacts = artefacts
        self._turn = asyncio.Lock()

    async def check(self, version: Version) -> tuple[Tried, int]:
        """What came of it, and how many inputs with known answers there were.

        Errors that mean that the version is no good: those of trial.run, MODEL_CRASHED, VALIDATION_TIMEOUT,
        ARTEFACT_DAMAGED, BLOB_MISSING. Others may pass.
        """
        known = await self._known(version)
        signature = signature_of(version.signature) if version.HasField("signature") else None
        trial = Trial(version.model, version.version, await self._artefacts.reference(version), signature, known)
        limits = Limits(address_space_bytes=self._settings.validate_memory_bytes)
        async with self._turn:
            # A process for each: what one left behind is not the next one's.
            children = Children(CHILD, slots=1, limits=limits)
            try:
                async with asyncio.timeout(self._settings.validate_s):
                    tried = await children.run(trial)
            except TimeoutError:
                raise self._too_slow(version) from None
            except ChildDiedError as error:
                raise _crashed(version, error) from None
            finally:
                await children.close()
        assert isinstance(tried, Tried)
        return tried, len(known)

    async def _known(self, version: Version) -> Sequence[Known]:
        if not version.HasField("goldens"):
            return ()
        goldens = await self._blobs.get_message(version.goldens, Goldens)
        return [Known(tensors_of(g.inputs), tensors_of(g.outputs), g.tolerance) for g in goldens.goldens]

    def _too_slow(self, version: Version) -> ClipmillError:
        return ClipmillError(
            "VALIDATION_TIMEOUT",
            f"Checking {version.model} {version.version} took over {self._settings.validate_s:g} s.",
            "Raise CLIPMILL_MODELS_VALIDATE_S, or give it fewer inputs.",
        )


def _crashed(version: Version, error: ChildDiedError) -> ClipmillError:
    return ClipmillError(
        "MODEL_CRASHED",
        f"{version.model} {version.version} ended the process that checked it: {error.message}",
        "It may be damaged, or take more memory than CLIPMILL_MODELS_VALIDATE_MEMORY_BYTES.",
    )
