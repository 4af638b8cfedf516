"""ModelsService: gRPC in, versions out. Everybody may look; what changes something is the operator's alone."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from clipmill.models.v1 import models_pb2 as pb
from clipmill.models.v1.models_pb2_grpc import ModelsServiceServicer
from clipmill_registry import store
from clipmill_registry.aliases import Aliases, Wish
from clipmill_registry.answering import Answering
from clipmill_registry.domain.names import MODEL, SHA256, VERSION, is_of
from clipmill_registry.registry import Registry
from clipmill_registry.retraining import check_own
from clipmill_registry.settings import ModelsSettings
from clipmill_registry.store import Place
from clipmill_registry.training import Training
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.messages import signature_of, tensors_of
from clipmill_shared.limits import Limits, Rate, RateLimitedError
from clipmill_shared.rpc.auth import owner_of
from clipmill_shared.sql import Database

DEFAULT_PAGE = 100
MAX_PAGE = 1000
MAX_BATCH = 256
MAX_METADATA_BYTES = 16 << 10
# Six versions are told of in one event on models.aliases, which may have 64 KiB.
MAX_DEFINITION = 256
MAX_ADDRESS = 4096
MAX_GOLDENS_BYTES = 1 << 20
TELL_EVERY_S = 0.25


@dataclass(frozen=True)
class Services:
    """What the calls are answered by."""

    database: Database
    registry: Registry
    aliases: Aliases
    answering: Answering
    training: Training


class ModelsServicer(ModelsServiceServicer):
    def __init__(self, settings: ModelsSettings, services: Services, limits: Limits) -> None:
        self._settings = settings
        self._database = services.database
        self._registry = services.registry
        self._aliases = services.aliases
        self._answering = services.answering
        self._training = services.training
        self._rate = Rate(settings.predicts_per_minute, 60.0)
        self._limits = limits

    async def Register(  # noqa: N802
        self, request: pb.RegisterRequest, context: Any
    ) -> AsyncIterator[pb.RegisterResponse]:
        self._operator(context)
        self._check(request)
        at = pb.RegisterResponse()

        def tell(done_bytes: int, size_bytes: int) -> None:
            at.done_bytes, at.size_bytes = done_bytes, size_bytes

        registering = asyncio.create_task(self._registry.register(request, tell))
        try:
            while not registering.done():
                await asyncio.wait((registering,), timeout=TELL_EVERY_S)
                if not registering.done():
                    yield at
            at.version.CopyFrom(await registering)
            yield at
        finally:
            registering.cancel()

    async def ListVersions(  # noqa: N802
        self, request: pb.ListVersionsRequest, context: Any
    ) -> pb.ListVersionsResponse:
        owner_of(context)
        size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        async with self._database.reading() as on:
            rows = await store.page(on, request.model, _place(request.page_token), size)
        token = _token(rows[-1][0]) if len(rows) == size else ""
        return pb.ListVersionsResponse(versions=[version for _, version in rows], next_page_token=token)

    async def GetVersion(self, request: pb.GetVersionRequest, context: Any) -> pb.GetVersionResponse:  # noqa: N802
        owner_of(context)
        if request.version:
            return pb.GetVersionResponse(version=await self._registry.get(request.model, request.version))
        alias = _alias(request.alias or pb.ALIAS_CHAMPION)
        return pb.GetVersionResponse(version=await self._aliases.pointed_at(request.model, alias))

    async def Validate(self, request: pb.ValidateRequest, context: Any) -> pb.ValidateResponse:  # noqa: N802
        self._operator(context)
        return await self._registry.validate(request.model, request.version)

    async def Promote(self, request: pb.PromoteRequest, context: Any) -> pb.PromoteResponse:  # noqa: N802
        by, alias = self._operator(context), _alias(request.alias)
        move = await self._aliases.promote(Wish(request.model, request.version, alias, by), request.instead_of)
        return pb.PromoteResponse(move=move)

    async def Rollback(self, request: pb.RollbackRequest, context: Any) -> pb.RollbackResponse:  # noqa: N802
        by = self._operator(context)
        return pb.RollbackResponse(move=await self._aliases.rollback(request.model, _alias(request.alias), by))

    async def ClearAlias(self, request: pb.ClearAliasRequest, context: Any) -> pb.ClearAliasResponse:  # noqa: N802
        by = self._operator(context)
        return pb.ClearAliasResponse(move=await self._aliases.clear(request.model, _alias(request.alias), by))

    async def GetHistory(self, request: pb.GetHistoryRequest, context: Any) -> pb.GetHistoryResponse:  # noqa: N802
        owner_of(context)
        size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        async with self._database.reading() as on:
            return pb.GetHistoryResponse(moves=await store.moves_of(on, request.model, size))

    async def LoadVersion(self, request: pb.LoadVersionRequest, context: Any) -> pb.LoadVersionResponse:  # noqa: N802
        self._operator(context)
        await self._aliases.load(request.model, request.version)
        return pb.LoadVersionResponse()

    async def UnloadVersion(  # noqa: N802
        self, request: pb.UnloadVersionRequest, context: Any
    ) -> pb.UnloadVersionResponse:
        self._operator(context)
        await self._aliases.unload(request.model, request.version)
        return pb.UnloadVersionResponse()

    async def Train(self, request: pb.TrainRequest, context: Any) -> pb.TrainResponse:  # noqa: N802
        by = self._operator(context)
        check_own(request.dataset.uri, by)
        if not VERSION.fullmatch(request.version):
            raise ClipmillError(
                "INVALID_VERSION", "A version has letters, digits and . _ + -, 64 at most.", "Name the version."
            )
        wanted = pb.TrainingRun(
            run_id=secrets.token_hex(8), model=request.model, version=request.version, dataset=request.dataset, by=by
        )
        return pb.TrainResponse(run=await self._training.begin(wanted))

    async def GetTrainingRun(  # noqa: N802
        self, request: pb.GetTrainingRunRequest, context: Any
    ) -> pb.GetTrainingRunResponse:
        self._operator(context)
        return pb.GetTrainingRunResponse(run=await self._training.get(request.run_id))

    async def DeleteVersion(  # noqa: N802
        self, request: pb.DeleteVersionRequest, context: Any
    ) -> pb.DeleteVersionResponse:
        self._operator(context)
        until_s = await self._registry.delete(request.model, request.version)
        return pb.DeleteVersionResponse(artefact_until=None if until_s is None else store.stamp(until_s))

    async def Predict(self, request: pb.PredictRequest, context: Any) -> pb.PredictResponse:  # noqa: N802
        owner_id = owner_of(context)
        await self._take(owner_id)
        return await self._answering.predict(_asked(request), owner_id)

    async def PredictBatch(  # noqa: N802
        self, request: pb.PredictBatchRequest, context: Any
    ) -> pb.PredictBatchResponse:
        owner_id = owner_of(context)
        if not 1 <= len(request.requests) <= MAX_BATCH:
            raise ClipmillError(
                "INVALID_BATCH", f"There are {len(request.requests)} requests.", f"Send 1 to {MAX_BATCH} at a time."
            )
        await self._take(owner_id)
        asked = [_asked(each) for each in request.requests]
        return pb.PredictBatchResponse(predictions=await self._answering.predict_batch(asked, owner_id))

    async def _take(self, owner_id: str) -> None:
        if (wait_s := await self._limits.take(f"predict {owner_id}", self._rate)) > 0:
            raise RateLimitedError("predictions", self._rate, wait_s)

    def _operator(self, context: Any) -> str:
        """Who asks, if he may change something. PERMISSION_DENIED."""
        owner_id = owner_of(context)
        if owner_id != self._settings.operator:
            raise ClipmillError(
                "PERMISSION_DENIED",
                "Models are everybody's here: only their operator may change them.",
                "Ask the operator, whom CLIPMILL_MODELS_OPERATOR names.",
            )
        return owner_id

    def _check(self, request: pb.RegisterRequest) -> None:
        wrong = ""
        if not MODEL.fullmatch(request.model):
            wrong = "a model's name has small letters, digits and _, 64 at most"
        elif not VERSION.fullmatch(request.version):
            wrong = "a version has letters, digits and . _ + -, 64 at most"
        elif bool(request.artefact) != bool(SHA256.fullmatch(request.sha256)):
            wrong = "an artefact and its SHA-256 go together"
        elif bool(request.artefact) != (request.format != pb.FORMAT_UNSPECIFIED):
            wrong = "an artefact and its format go together"
        elif request.definition and not is_of(request.definition, self._settings.definition_packages):
            wrong = f"a definition is module:NAME of {', '.join(self._settings.definition_packages)}"
        elif len(request.definition) > MAX_DEFINITION or len(request.artefact) > MAX_ADDRESS:
            wrong = f"a definition has over {MAX_DEFINITION} characters, or an address over {MAX_ADDRESS}"
        elif request.metadata.ByteSize() > MAX_METADATA_BYTES or request.signature.ByteSize() > MAX_METADATA_BYTES:
            wrong = f"metadata or signature are over {MAX_METADATA_BYTES} bytes"
        elif request.goldens.ByteSize() > MAX_GOLDENS_BYTES:
            wrong = f"inputs with known answers are over {MAX_GOLDENS_BYTES} bytes"
        if wrong:
            raise ClipmillError("INVALID_VERSION", f"This cannot be registered: {wrong}.", "Correct it and try again.")
        signature_of(request.signature)
        for golden in request.goldens.goldens:
            tensors_of(golden.inputs)
            tensors_of(golden.outputs)


def _asked(request: pb.PredictRequest) -> pb.PredictRequest:
    """The request, if it names what may be asked."""
    if request.alias:
        _alias(request.alias)
    return request


def _alias(alias: pb.Alias.ValueType) -> pb.Alias.ValueType:
    if alias not in pb.Alias.values() or alias == pb.ALIAS_UNSPECIFIED:
        raise ClipmillError(
            "INVALID_ALIAS", "No alias was named.", "Name champion, challenger, light, heavy or shadow."
        )
    return alias


def _token(place: Place) -> str:
    return base64.urlsafe_b64encode(f"{place.model} {place.registered_at!r} {place.version}".encode()).decode()


def _place(token: str) -> Place | None:
    if not token:
        return None
    try:
        model, at, version = base64.urlsafe_b64decode(token).decode().split(" ")
        return Place(model, float(at), version)
    except ValueError:
        raise ClipmillError("INVALID_PAGE_TOKEN", "The page token is not one of ours.", "Begin anew.") from None
