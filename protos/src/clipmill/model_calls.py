"""ModelsService by a client that is connected to it.

async with Client("127.0.0.1:7431") as client:
    champion = await ModelCalls(client).version("faces")
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from clipmill.client import Client
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.models.v1 import models_pb2 as pb
from clipmill.models.v1.models_pb2_grpc import ModelsServiceStub

# Loading a large model takes its time.
VALIDATE_DEADLINE_S = 900.0
PROMOTE_DEADLINE_S = 600.0


class ModelCalls:
    """Every failure is a ClipmillRpcError that says what to do, as with the client's own calls."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub: Any = ModelsServiceStub(client._channel)

    async def register(self, request: pb.RegisterRequest) -> AsyncIterator[pb.RegisterResponse]:
        """How far the copying of its artefact is, and last the version."""
        async for response in self._client._stream(self._stub.Register, request):
            yield response

    async def versions(self, model: str = "") -> AsyncIterator[pb.Version]:
        """Versions of a model, or of all, the newest first, page by page."""
        token = ""
        while True:
            request = pb.ListVersionsRequest(model=model, page_token=token)
            response: pb.ListVersionsResponse = await self._client._call(self._stub.ListVersions, request)
            for version in response.versions:
                yield version
            if not (token := response.next_page_token):
                return

    async def version(self, model: str, version: str = "", alias: pb.Alias.ValueType = pb.ALIAS_CHAMPION) -> pb.Version:
        """A version, or the one that an alias points at."""
        request = pb.GetVersionRequest(model=model, version=version, alias=alias)
        response: pb.GetVersionResponse = await self._client._call(self._stub.GetVersion, request)
        return response.version

    async def validate(self, model: str, version: str) -> pb.ValidateResponse:
        request = pb.ValidateRequest(model=model, version=version)
        response: pb.ValidateResponse = await self._client._call(self._stub.Validate, request, VALIDATE_DEADLINE_S)
        return response

    async def promote(
        self, model: str, version: str, alias: pb.Alias.ValueType = pb.ALIAS_CHAMPION, *, instead_of: str = ""
    ) -> pb.Move:
        """Let an alias point at a version; refused with `instead_of` where it points at another than that."""
        request = pb.PromoteRequest(model=model, version=version, alias=alias, instead_of=instead_of)
        response: pb.PromoteResponse = await self._client._call(self._stub.Promote, request, PROMOTE_DEADLINE_S)
        return response.move

    async def rollback(self, model: str, alias: pb.Alias.ValueType = pb.ALIAS_CHAMPION) -> pb.Move:
        request = pb.RollbackRequest(model=model, alias=alias)
        response: pb.RollbackResponse = await self._client._call(self._stub.Rollback, request, PROMOTE_DEADLINE_S)
        return response.move

    async def clear(self, model: str, alias: pb.Alias.ValueType) -> pb.Move:
        request = pb.ClearAliasRequest(model=model, alias=alias)
        response: pb.ClearAliasResponse = await self._client._call(self._stub.ClearAlias, request)
        return response.move

    async def history(self, model: str) -> list[pb.Move]:
        """Who moved what when, the newest first."""
        request = pb.GetHistoryRequest(model=model)
        response: pb.GetHistoryResponse = await self._client._call(self._stub.GetHistory, request)
        return list(response.moves)

    async def predict(self, request: pb.PredictRequest) -> pb.PredictResponse:
        """What the champion answers, or the version or alias that is named."""
        response: pb.PredictResponse = await self._client._call(self._stub.Predict, request)
        return response

    async def load(self, model: str, version: str) -> None:
        request = pb.LoadVersionRequest(model=model, version=version)
        await self._client._call(self._stub.LoadVersion, request, PROMOTE_DEADLINE_S)

    async def unload(self, model: str, version: str) -> None:
        request = pb.UnloadVersionRequest(model=model, version=version)
        await self._client._call(self._stub.UnloadVersion, request, PROMOTE_DEADLINE_S)

    async def train(self, model: str, version: str, dataset: BlobRef) -> pb.TrainingRun:
        """Begin a training; `training` tells how it ended."""
        request = pb.TrainRequest(model=model, version=version, dataset=dataset)
        response: pb.TrainResponse = await self._client._call(self._stub.Train, request)
        return response.run

    async def training(self, run_id: str) -> pb.TrainingRun:
        request = pb.GetTrainingRunRequest(run_id=run_id)
        response: pb.GetTrainingRunResponse = await self._client._call(self._stub.GetTrainingRun, request)
        return response.run

    async def delete(self, model: str, version: str) -> pb.DeleteVersionResponse:
        request = pb.DeleteVersionRequest(model=model, version=version)
        response: pb.DeleteVersionResponse = await self._client._call(self._stub.DeleteVersion, request)
        return response
