"""Predict: a version is chosen once for a request, and answers it. The shadow is asked as well; nobody waits for it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

import numpy as np
import structlog

from clipmill.models.v1 import models_pb2 as pb
from clipmill_registry import store
from clipmill_registry.domain.routing import Split, routed
from clipmill_registry.errors import no_alias, no_version, not_validated
from clipmill_registry.remembered import Remembered
from clipmill_shared import metrics
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.aliases import Aliases
from clipmill_shared.inference.artefacts import Artefacts
from clipmill_shared.inference.configured import Call
from clipmill_shared.inference.definition import Definition, Tensors
from clipmill_shared.inference.executor import Executor, Inferred
from clipmill_shared.inference.log import InferenceLog
from clipmill_shared.inference.messages import tensors_of, values_of
from clipmill_shared.inference.records import call_of, confidence
from clipmill_shared.inference.stand_ins import BROKEN, TRIED_AGAIN_S
from clipmill_shared.sql import Database

log = structlog.get_logger()
# Requests that shadows have in hand; those beyond are not asked of them.
SHADOWS_AT_ONCE = 8
SplitOf = Callable[[str], Split | None]


def _no_experiment(_model: str) -> Split | None:
    return None


class Answering:
    """`aliases` are what the bus tells: a move counts from when it has come here. `split_of` names the experiment that
    divides a model's requests, where there is one. `log_share` of the calls leave a record in the log, and every call
    that a shadow is asked as well, two.
    """

    def __init__(
        self,
        database: Database,
        aliases: Aliases,
        artefacts: Artefacts,
        executor: Executor,
        inference_log: InferenceLog,
        *,
        remembered: Remembered,
        log_share: float = 0.0,
        split_of: SplitOf = _no_experiment,
    ) -> None:
        self._database = database
        self._aliases = aliases
        self._artefacts = artefacts
        self._executor = executor
        self._log = inference_log
        self._remembered = remembered
        self._log_share = log_share
        self._split_of = split_of
        # Champions that failed, until when they are left alone, and the code: a message may be another owner's.
        self._broken: dict[tuple[str, str], tuple[float, str]] = {}
        self._shadows: set[asyncio.Task[None]] = set()

    async def predict(self, request: pb.PredictRequest, unit: str) -> pb.PredictResponse:
        """The answer for `unit`. Errors: VERSION_NOT_FOUND, VERSION_NOT_VALIDATED, ALIAS_NOT_FOUND, VERSION_NOT_HERE,
        and those of executors.
        """
        return await self._answer(await self._chosen(request, unit), request, unit)

    async def predict_batch(self, requests: Sequence[pb.PredictRequest], unit: str) -> list[pb.Prediction]:
        """Each one's answer or failure. Versions are chosen before any is asked, one for all who want the same."""
        wanted = [(r.model, r.version, r.alias) for r in requests]
        chosen: dict[tuple[str, str, int], pb.Version | ClipmillError] = {}
        for want, request in zip(wanted, requests, strict=True):
            if want not in chosen:
                try:
                    chosen[want] = await self._chosen(request, unit)
                except ClipmillError as error:
                    chosen[want] = error
        return list(
            await asyncio.gather(*(self._prediction(chosen[w], r, unit) for w, r in zip(wanted, requests, strict=True)))
        )

    async def close(self) -> None:
        for task in self._shadows:
            task.cancel()
        await asyncio.gather(*self._shadows, return_exceptions=True)

    async def _prediction(
        self, chosen: pb.Version | ClipmillError, request: pb.PredictRequest, unit: str
    ) -> pb.Prediction:
        try:
            if isinstance(chosen, ClipmillError):
                raise chosen
            return pb.Prediction(answer=await self._answer(chosen, request, unit))
        except ClipmillError as error:
            return pb.Prediction(failure=error.failure("models"))

    async def _chosen(self, request: pb.PredictRequest, unit: str) -> pb.Version:
        alias = request.alias or pb.ALIAS_CHAMPION
        if request.version:
            return await self._known(request.model, request.version)
        version = self._aliases.version(request.model, alias)
        if version is None:
            raise no_alias(request.model, alias)
        if alias == pb.ALIAS_CHAMPION:
            name = routed(version.version, self._split_of(request.model), unit)
            if name != version.version:
                return await self._known(request.model, name)
        return version

    async def _known(self, model: str, version: str) -> pb.Version:
        async with self._database.reading() as on:
            found = await store.find(on, model, version)
        if found is None:
            raise no_version(model, version)
        if found.state != pb.STATE_VALIDATED:
            raise not_validated(found)
        return found

    async def _answer(self, version: pb.Version, request: pb.PredictRequest, unit: str) -> pb.PredictResponse:
        """Of what was asked before the answer of then, unless a shadow is to be asked as well."""
        if self._aliases.version(request.model, pb.ALIAS_SHADOW) is not None:
            return await self._computed(version, request)
        async with self._remembered.slot(unit, version, request) as slot:
            if slot.known is not None:
                return slot.known
            made = await self._computed(version, request)
            # What stood in for a version is not its answer.
            slot.new = made if made.version == version.version else None
        return made

    async def _computed(self, version: pb.Version, request: pb.PredictRequest) -> pb.PredictResponse:
        """The version's answer; of a broken champion, unless it was named, that of the champion before it."""
        earlier = None if request.version else self._aliases.earlier(version)
        if earlier is None:
            return await self._made(version, request)
        key = version.model, version.version
        until, code = self._broken.get(key, (0.0, ""))
        failed: ClipmillError | None = None
        if until <= time.monotonic():
            try:
                made = await self._made(version, request)
            except ClipmillError as error:
                if error.code not in BROKEN:
                    raise
                failed, code = error, error.code
            else:
                self._broken.pop(key, None)
                return made
        try:
            made = await self._made(earlier, request)
        except ClipmillError as error:
            # Then it is the input's fault.
            raise failed or error from None
        if failed is not None:
            self._broken[key] = time.monotonic() + TRIED_AGAIN_S, code
        metrics.INFERENCE_FALLBACKS.add(1, {"model": version.model, "code": code})
        why = failed.message if failed is not None else f"{version.version} failed a moment ago."
        made.fallback = f"{code}: {why} {made.fallback}".strip()
        return made

    async def _made(self, version: pb.Version, request: pb.PredictRequest) -> pb.PredictResponse:
        inputs = tensors_of(request.inputs)
        definition = await self._artefacts.definition(version)
        inferred, call = await self._ask(definition, inputs)
        is_champions = not request.version and request.alias in (pb.ALIAS_UNSPECIFIED, pb.ALIAS_CHAMPION)
        is_shadowed = is_champions and self._ask_shadow(request.model, inputs, inferred)
        if is_shadowed or random.random() < self._log_share:  # noqa: S311 - a sample
            self._log.note(call)
        return pb.PredictResponse(
            outputs=values_of(inferred.outputs),
            model=version.model,
            version=inferred.version,
            confidence=confidence(inferred.outputs),
            queue_s=inferred.queue_s,
            compute_s=inferred.compute_s,
            batch_rows=inferred.batch_rows,
            executor=inferred.executor,
            fallback=inferred.fallback,
            # In a thread: it may have to read the version's table.
            features_used=await asyncio.to_thread(definition.features_used, inputs),
        )

    async def _ask(self, definition: Definition, inputs: Tensors) -> tuple[Inferred, Call]:
        inferred = await self._executor.infer(definition, inputs)
        return inferred, call_of(definition, inputs, inferred)

    def _ask_shadow(self, model: str, inputs: Tensors, champion: Inferred) -> bool:
        """True where there is one that has room."""
        shadow = self._aliases.version(model, pb.ALIAS_SHADOW)
        if shadow is None or len(self._shadows) >= SHADOWS_AT_ONCE:
            return False
        task = asyncio.create_task(self._compare(shadow, inputs, champion))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)
        return True

    async def _compare(self, shadow: pb.Version, inputs: Tensors, champion: Inferred) -> None:
        """Log what both made of the same; whatever the shadow does is its own affair."""
        noted = log.bind(model=shadow.model, champion=champion.version, shadow=shadow.version)
        try:
            inferred, call = await self._ask(await self._artefacts.definition(shadow), inputs)
        except ClipmillError as error:
            noted.warning("a shadow failed", code=error.code, error=error.message)
            return
        self._log.note(call)
        noted.info(
            "a shadow answered",
            champion_s=round(champion.queue_s + champion.compute_s, 6),
            shadow_s=round(inferred.queue_s + inferred.compute_s, 6),
            difference=_difference(champion.outputs, inferred.outputs),
        )


def _difference(a: Tensors, b: Tensors) -> float | None:
    """The largest between numbers of the same place; None where shapes differ."""
    found = 0.0
    for name, array in a.items():
        other = b.get(name)
        if other is None or other.shape != array.shape:
            return None
        if array.dtype.kind in "fiu" and array.size:
            found = max(found, float(np.abs(array.astype(np.float64) - other).max()))
    return found
