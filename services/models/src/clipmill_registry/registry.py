"""Versions: registered, checked, deleted."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import structlog

from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.models.v1 import models_pb2 as pb
from clipmill_registry import store
from clipmill_registry.copying import Copying, Tell
from clipmill_registry.errors import in_use, no_version
from clipmill_registry.store import serial_for_model
from clipmill_registry.validation import Validation
from clipmill_shared.blobs import Blobs
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.messages import signature_message
from clipmill_shared.sql import Database
from clipmill_shared.work import SYSTEM_OWNER

log = structlog.get_logger()
GENERIC_ONNX = "clipmill_models.onnx_file:opened"


class Registry:
    """`default_definition` names the definition of a model that comes with Clipmill, "" of any other."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        copying: Copying,
        validation: Validation,
        default_definition: Callable[[str], str],
        *,
        delete_grace_s: float,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._copying = copying
        self._validation = validation
        self._default_definition = default_definition
        self._delete_grace_s = delete_grace_s

    async def register(
        self, request: pb.RegisterRequest, tell: Tell = lambda _done, _size: None, content: bytes | None = None
    ) -> pb.Version:
        """Keep a new version, with `content` as its artefact where it is at hand. The same again is the same version;
        VERSION_EXISTS for another under its name.
        """
        definition = request.definition or self._default_definition(request.model)
        if not definition and request.format == pb.FORMAT_ONNX:
            definition = GENERIC_ONNX
        if not definition:
            raise ClipmillError(
                "INVALID_DEFINITION",
                f"Nothing says how {request.model} is run.",
                "Name a definition of a package of yours, as module:NAME.",
            )
        if known := await self._known(request, definition):
            return known
        version = pb.Version(
            model=request.model,
            version=request.version,
            definition=definition,
            metadata=request.metadata,
            state=pb.STATE_REGISTERED,
            registered_at=store.stamp(time.time()),
        )
        if request.HasField("signature"):
            version.signature.CopyFrom(request.signature)
        if request.sha256:
            async with self._database.transaction() as on:
                await store.keep_artefact(on, request.sha256)
        if content is not None:
            blob = await self._blobs.put_bytes(SYSTEM_OWNER, content, "application/json")
            version.artefact.CopyFrom(pb.Artefact(format=request.format, blob=blob, source=request.artefact))
        elif request.artefact:
            version.artefact.CopyFrom(await self._copying.copy(request, tell))
        if request.goldens.goldens:
            version.goldens.CopyFrom(await self._kept(request.goldens))
        async with self._database.transaction() as on:
            await serial_for_model(on, request.model)
            is_new = await store.add(on, version)
        if not is_new:
            return await self._known(request, definition) or version
        log.info("a version was registered", model=version.model, version=version.version)
        return version

    async def _kept(self, goldens: pb.Goldens) -> BlobRef:
        sha256 = hashlib.sha256(goldens.SerializeToString(deterministic=True)).hexdigest()
        async with self._database.transaction() as on:
            await store.keep_artefact(on, sha256)
        return await self._blobs.put_message(SYSTEM_OWNER, goldens)

    async def _known(self, request: pb.RegisterRequest, definition: str) -> pb.Version | None:
        async with self._database.reading() as on:
            there = await store.find(on, request.model, request.version)
        if there and (there.definition, there.artefact.blob.sha256) != (definition, request.sha256):
            raise ClipmillError(
                "VERSION_EXISTS",
                f"There is another version {request.version} of {request.model}.",
                "Versions never change: register this one under a name of its own.",
            )
        return there

    async def validate(self, model: str, version: str) -> pb.ValidateResponse:
        """Check a version; what is wrong with it is kept with it, and raised."""
        found = await self.get(model, version)
        try:
            tried, goldens = await self._validation.check(found)
        except ClipmillError as error:
            if not error.retryable:
                await self._judge(found, pb.STATE_REFUSED, error)
            raise
        found.signature.CopyFrom(signature_message(tried.signature))
        found.figures.CopyFrom(pb.Figures(infer_s=tried.infer_s, memory_bytes=tried.memory_bytes))
        await self._check_like_champion(found)
        judged = await self._judge(found, pb.STATE_VALIDATED)
        return pb.ValidateResponse(version=judged, load_s=tried.load_s, infer_s=tried.infer_s, goldens=goldens)

    async def _check_like_champion(self, version: pb.Version) -> None:
        """Callers rely on a model's signature: a version with another one never answers in the champion's place."""
        async with self._database.reading() as on:
            champion = await store.pointed(on, version.model, pb.ALIAS_CHAMPION)
            there = await store.find(on, version.model, champion.version) if champion.version else None
        if there is not None and there.signature != version.signature:
            error = ClipmillError(
                "SIGNATURE_DIFFERS",
                f"{version.model} {version.version} has another signature than the champion {there.version}.",
                "Register it as another model: callers rely on the signature.",
            )
            await self._judge(version, pb.STATE_REFUSED, error)
            raise error

    async def _judge(
        self, version: pb.Version, state: pb.State.ValueType, why: ClipmillError | None = None
    ) -> pb.Version:
        async with self._database.transaction() as on:
            await serial_for_model(on, version.model)
            there = await store.find(on, version.model, version.version)
            if there is None:
                raise no_version(version.model, version.version)
            if there.aliases and state == pb.STATE_REFUSED:
                # It answers somewhere: the operator decides, by a rollback.
                log.error("a version that an alias points at was found wanting", model=there.model, why=str(why))
                return there
            there.state = state
            there.ClearField("failure")
            if why is not None:
                there.failure.CopyFrom(why.failure("models"))
            if state == pb.STATE_VALIDATED:
                there.signature.CopyFrom(version.signature)
                there.figures.CopyFrom(version.figures)
                there.validated_at.CopyFrom(store.stamp(time.time()))
            await store.put(on, there)
        return there

    async def get(self, model: str, version: str) -> pb.Version:
        """VERSION_NOT_FOUND."""
        async with self._database.reading() as on:
            found = await store.find(on, model, version)
        if found is None:
            raise no_version(model, version)
        return found

    async def delete(self, model: str, version: str) -> float | None:
        """Forget a version. VERSION_IN_USE while an alias points at it.

        Until when its artefact stays, for jobs that have it pinned, in seconds since 1970; None where none goes.
        """
        until_s = None
        async with self._database.transaction() as on:
            await serial_for_model(on, model)
            found = await store.find(on, model, version)
            if found is None:
                raise no_version(model, version)
            if found.aliases:
                raise in_use(found)
            await store.remove(on, model, version)
            if found.HasField("artefact") and not await store.is_used(on, found.artefact.blob.sha256):
                until_s = time.time() + self._delete_grace_s
                await store.erase_later(on, found.artefact.blob, until_s)
            if found.HasField("goldens") and not await store.is_used(on, found.goldens.sha256):
                await store.erase_later(on, found.goldens, time.time() + self._delete_grace_s)
        log.info("a version was deleted", model=model, version=version)
        return until_s

    async def erase_due(self) -> None:
        """Erase the artefacts of versions that were deleted long enough ago."""
        async with self._database.reading() as on:
            due = await store.due(on, time.time())
        for sha256 in due:
            async with self._database.transaction() as on:
                # Within it, so that who registers the same again waits, and puts it anew.
                ref = await store.take_due(on, sha256)
                # It may have been registered under another name while it was noted.
                if ref is not None and not await store.is_used(on, sha256):
                    await self._blobs.delete(ref)
                    log.info("an artefact was erased", sha256=sha256)
