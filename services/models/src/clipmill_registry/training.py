"""Trainings: a declared entry point in a child with limits; what comes of it is registered, checked, the challenger."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill.models.v1 import models_pb2 as pb
from clipmill_registry import store
from clipmill_registry.aliases import Aliases, Wish
from clipmill_registry.registry import Registry
from clipmill_registry.settings import ModelsSettings
from clipmill_registry.tables import training_runs
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.compute.child import Limits
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.training import Trained, TrainingSet
from clipmill_shared.sql import Database

log = structlog.get_logger()
Run = pb.TrainingRun


class Training:
    """One training at a time; others wait."""

    def __init__(
        self, settings: ModelsSettings, database: Database, blobs: Blobs, registry: Registry, aliases: Aliases
    ) -> None:
        self._settings = settings
        self._database = database
        self._blobs = blobs
        self._registry = registry
        self._aliases = aliases
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()

    async def begin(self, request: pb.TrainRequest, by: str) -> pb.TrainingRun:
        """Note a training and begin it. TRAINER_NOT_FOUND, VERSION_EXISTS, BLOB_MISSING, QUEUE_FULL."""
        trainer = dict(each.split("=", 1) for each in self._settings.trainers).get(request.model)
        if trainer is None:
            raise ClipmillError(
                "TRAINER_NOT_FOUND", f"Nothing trains {request.model[:64]}.", "CLIPMILL_MODELS_TRAINERS names trainers."
            )
        if len(self._running) >= self._settings.max_trainings:
            raise ClipmillError(
                "QUEUE_FULL", f"{len(self._running)} trainings wait.", "Come back later.", retryable=True
            )
        if not await self._blobs.exists(request.dataset):
            raise ClipmillError("BLOB_MISSING", f"{request.dataset.uri}: it is not in the store.", "Export it anew.")
        run = Run(
            run_id=secrets.token_hex(8),
            model=request.model,
            version=request.version,
            trainer=trainer,
            dataset=request.dataset,
            state=Run.STATE_RUNNING,
            by=by,
            started_at=store.stamp(time.time()),
        )
        async with self._database.transaction() as on:
            if await store.find(on, run.model, run.version) is not None:
                raise ClipmillError(
                    "VERSION_EXISTS",
                    f"There is a version {run.version} of {run.model}.",
                    "Name the version that is to be made otherwise.",
                )
            await on.execute(training_runs.insert(), _row(run))
        task = asyncio.create_task(self._train(run))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return run

    async def get(self, run_id: str) -> pb.TrainingRun:
        async with self._database.reading() as on:
            query = select(training_runs.c.body).where(training_runs.c.run_id == run_id)
            body: bytes | None = (await on.execute(query)).scalar()
        if body is None:
            raise ClipmillError("TRAINING_NOT_FOUND", f"There is no training {run_id[:64]}.", "Begin one.")
        return Run.FromString(body)

    async def end_lost(self) -> None:
        """End those of a process that ended in the middle."""
        async with self._database.transaction() as on:
            query = select(training_runs.c.body).where(training_runs.c.state == Run.STATE_RUNNING)
            for body in (await on.execute(query)).scalars().all():
                error = ClipmillError("TRAINING_LOST", "The process that trained has ended.", "Begin it again.")
                await _put(on, _ended(Run.FromString(body), error))

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _train(self, run: pb.TrainingRun) -> None:
        failure: ClipmillError | None = None
        try:
            async with self._turn:
                trained = await self._trained(run)
                run.metrics.update(trained.metrics)
                await self._registered(run, trained)
        except ClipmillError as error:
            failure = error
        except Exception as error:
            log.exception("a training failed unexpectedly", model=run.model)
            failure = ClipmillError("TRAINING_FAILED", f"{type(error).__name__}: {error}"[:300] + ".", "See the log.")
        async with self._database.transaction() as on:
            await _put(on, _ended(run, failure))
        log.info("a training ended", model=run.model, version=run.version, failure=str(failure or ""))

    async def _trained(self, run: pb.TrainingRun) -> Trained:
        content = await self._blobs.get_bytes(run.dataset)
        limits = Limits(address_space_bytes=self._settings.train_memory_bytes, niceness=10)
        children = Children(run.trainer, slots=1, limits=limits)
        try:
            async with asyncio.timeout(self._settings.train_s):
                trained = await children.run(TrainingSet(content))
        except TimeoutError:
            raise ClipmillError(
                "TRAINING_TIMEOUT",
                f"Training {run.model} took over {self._settings.train_s:g} s.",
                "Raise CLIPMILL_MODELS_TRAIN_S, or give it less.",
            ) from None
        finally:
            await children.close()
        assert isinstance(trained, Trained)
        return trained

    async def _registered(self, run: pb.TrainingRun, trained: Trained) -> None:
        request = pb.RegisterRequest(
            model=run.model,
            version=run.version,
            artefact=f"training {run.run_id}",
            sha256=hashlib.sha256(trained.table).hexdigest(),
            format=pb.FORMAT_TABLE,
            metadata=pb.Metadata(
                title=f"Trained by {run.trainer}",
                source=f"{run.dataset.uri}, SHA-256 {run.dataset.sha256}",
                measured={name: f"{value:.6g}" for name, value in trained.metrics.items()},
            ),
        )
        await self._registry.register(request, content=trained.table)
        await self._registry.validate(run.model, run.version)
        await self._aliases.promote(Wish(run.model, run.version, pb.ALIAS_CHALLENGER, f"training {run.run_id}"))


async def _put(on: AsyncConnection, run: pb.TrainingRun) -> None:
    await on.execute(update(training_runs).where(training_runs.c.run_id == run.run_id).values(_row(run)))


def _row(run: pb.TrainingRun) -> dict[str, object]:
    return {"run_id": run.run_id, "state": run.state, "body": run.SerializeToString()}


def _ended(run: pb.TrainingRun, failure: ClipmillError | None) -> pb.TrainingRun:
    run.state = Run.STATE_FAILED if failure else Run.STATE_COMPLETED
    if failure is not None:
        run.failure.CopyFrom(failure.failure("models"))
    run.finished_at.CopyFrom(store.stamp(time.time()))
    return run
