"""Answers that are given again: of what an owner has asked a version before, where looking takes less than asking."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared import metrics
from clipmill_shared.results import Results

STAGE = "predict"
# What looking takes on two slow cores: SHA-256 (670 MB/s) of inputs that are put into one piece first, and a Redis.
HASHED_BYTES_PER_S = 4e8
LOOKED_UP_S = 1e-3
# Larger answers are not kept: memory holds 16 MB of them.
MAX_BYTES = 256 << 10


@dataclass
class Slot:
    """Where an answer belongs; `known` is the one that is there."""

    known: pb.PredictResponse | None = None
    new: pb.PredictResponse | None = None


class Remembered:
    """By (owner, model, version with its artefact, inputs). Of several who ask the same at once one is computed.

    In memory and for an hour in Redis; answers that took `in_store_from_s` also in the object store, for good.
    """

    def __init__(self, results: Results, in_store_from_s: float | None) -> None:
        self._results = results
        self._in_store_from_s = in_store_from_s

    @asynccontextmanager
    async def slot(self, owner_id: str, version: pb.Version, request: pb.PredictRequest) -> AsyncIterator[Slot]:
        """`known` is the answer, or `new` is to be, while others who want it wait. Empty where looking does not pay."""
        if not pays(version, request):
            yield Slot()
            return
        key = _key(version, request)
        in_store = self._in_store_from_s is not None and version.figures.infer_s >= self._in_store_from_s
        slot = Slot(await self._read(owner_id, key, in_store=in_store))
        if slot.known is not None:
            yield slot
            return
        async with self._results.alone(owner_id, key, STAGE) as waited:
            if waited:
                slot.known = await self._read(owner_id, key, in_store=in_store)
            yield slot
            if slot.known is None and slot.new is not None and slot.new.ByteSize() <= MAX_BYTES:
                kept = pb.PredictResponse.FromString(slot.new.SerializeToString())
                kept.ClearField("fallback")
                kept.queue_s, kept.cached = 0, True
                await self._results.keep(owner_id, key, kept, in_store=in_store)

    async def _read(self, owner_id: str, key: str, *, in_store: bool) -> pb.PredictResponse | None:
        found = await self._results.read(owner_id, key, pb.PredictResponse, STAGE, in_store=in_store)
        if found is not None:
            metrics.RESULT_SAVED_S.add(found.compute_s, {"stage": STAGE})
            metrics.RESULT_SAVED_INFERENCES.add(1, {"stage": STAGE})
        return found


def pays(version: pb.Version, request: pb.PredictRequest) -> bool:
    """True where the version, as it was measured when it was validated, takes longer than looking."""
    rows = next((values.shape[0] for values in request.inputs if values.shape), 0)
    looked_s = LOOKED_UP_S + sum(values.ByteSize() for values in request.inputs) / HASHED_BYTES_PER_S
    return rows * version.figures.infer_s > looked_s


def _key(version: pb.Version, request: pb.PredictRequest) -> str:
    asked = pb.PredictRequest(model=version.model, version=version.version, inputs=request.inputs)
    named = f"{STAGE}\x1f{version.definition}\x1f{version.artefact.blob.sha256}\x1f".encode()
    return hashlib.sha256(named + asked.SerializeToString(deterministic=True)).hexdigest()
