"""Versions on Triton: loaded on every replica with what they are made of, seen to answer there, and unloaded.

A registered version comes to Triton with the request to load it (explicit model control): its configuration, the
model.py that runs definitions, and its artefact. So replicas need no disk in common, and two versions of a model are
two of Triton's models. A packaged version is served from the replica's own repository (`make models`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog
from google.protobuf import text_format
from google.protobuf.json_format import MessageToJson
from tritonclient.grpc import aio as grpc_client
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException

import clipmill_models
from clipmill.models.v1.models_pb2 import Version
from clipmill_models.repository import VERSION, config
from clipmill_registry.readiness import not_ready
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.artefacts import Artefacts
from clipmill_shared.inference.definition import Definition, Tensors, on_triton
from clipmill_shared.inference.executor import Inferred, check_ready
from clipmill_shared.inference.triton import Triton

log = structlog.get_logger()
MODEL_PY = Path(clipmill_models.__file__).with_name("triton_model.py")
LOAD_S = 120.0
_SEPARATOR = "@"


class Replica:
    """One server, as an executor and for control."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._executor = Triton(address)

    async def infer(self, definition: Definition, inputs: Tensors) -> Inferred:
        """See Executor.infer."""
        return await self._executor.infer(on_triton(definition), inputs)

    async def load(self, definition: Definition) -> None:
        """Have it loaded, and see that it answers. ClipmillError, InferenceServerException."""
        served = on_triton(definition)
        if served is not definition:
            files, configuration = await asyncio.to_thread(_parts, definition, served)
            # A connection of its own: one that lost its server waits before it tries again.
            client = grpc_client.InferenceServerClient(self.address)
            try:
                await client.load_model(served.name, config=configuration, files=files, client_timeout=LOAD_S)
            finally:
                await client.close()
        await check_ready(self._executor, served)

    async def unload(self, definition: Definition) -> None:
        await self._executor.unload(on_triton(definition))

    async def close(self) -> None:
        await self._executor.close()


class Replicas:
    """All servers that answer."""

    def __init__(self, replicas: Sequence[Replica], artefacts: Artefacts) -> None:
        self._replicas = replicas
        self._artefacts = artefacts

    async def make_ready(self, version: Version) -> None:
        """Load the version on every replica; on none, when one does not get to answer. VERSION_NOT_READY."""
        definition = await self._artefacts.definition(version)
        outcomes = await asyncio.gather(*(r.load(definition) for r in self._replicas), return_exceptions=True)
        wrong = [(r, o) for r, o in zip(self._replicas, outcomes, strict=True) if isinstance(o, BaseException)]
        if not wrong:
            return
        await self.release(version)
        replica, error = wrong[0]
        if not isinstance(error, ClipmillError | InferenceServerException):
            raise error
        raise not_ready(version, f"Triton at {replica.address}: {error}")

    async def release(self, version: Version) -> None:
        """Unload it everywhere, once its calls have ended; a packaged one stays."""
        if not version.HasField("artefact"):
            return
        definition = await self._artefacts.definition(version)
        for replica in self._replicas:
            try:
                await replica.unload(definition)
            except ClipmillError as error:
                log.warning("a version stays loaded", triton=replica.address, model=version.model, why=error.message)


def _parts(definition: Definition, served: Definition) -> tuple[dict[str, bytes], str]:
    """The files that make the model, and its configuration as JSON."""
    reference, _, path = definition.reference.partition(_SEPARATOR)
    artefact = Path(path)
    # Name and version of a definition follow from where its file lies.
    place = "/".join(artefact.parts[-3:])
    made = text_format.Parse(config(replace(served, reference=reference)), model_config_pb2.ModelConfig())
    made.parameters["weights"].string_value = place
    files = {f"file:{VERSION}/model.py": MODEL_PY.read_bytes(), f"file:{VERSION}/{place}": artefact.read_bytes()}
    return files, MessageToJson(made)
