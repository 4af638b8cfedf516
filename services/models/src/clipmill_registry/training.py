"""Trainings: a declared entry point in a child with limits; what comes of it is registered, checked, the challenger."""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from clipmill import topics
from clipmill.models.v1 import models_pb2 as pb
from clipmill_registry import store
from clipmill_registry.aliases import Aliases, Wish
from clipmill_registry.registry import Registry
from clipmill_registry.settings import ModelsSettings
from clipmill_registry.store import serial_for_model
from clipmill_registry.tables import training_runs
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.compute.child import Limits
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, event_id
from clipmill_shared.inference.training import Trained, TrainingSet
from clipmill_shared.outbox import Outbox
from clipmill_shared.sql import Database, after_commit

log = structlog.get_logger()
Run = pb.TrainingRun
# A process that ends in the middle leaves its training to the next one; one that ends two of them may not end a third.
TRIES = 2
# Looks for what other processes noted.
IDLE_S = 1.0


class Training:
    """One training at a time, of all processes; others wait. What begins and ends is told on `models.lifecycle`."""

    def __init__(
        self,
        settings: ModelsSettings,
        database: Database,
        outbox: Outbox,
        blobs: Blobs,
        *,
        registry: Registry,
        aliases: Aliases,
    ) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._blobs = blobs
        self._registry = registry
        self._aliases = aliases
        self._noted = asyncio.Event()

    async def begin(self, wanted: pb.TrainingRun) -> pb.TrainingRun:
        """Note a training of `model`, `version` and `dataset`, to be begun in its turn; the one that is there already,
        where the request has come before. TRAINER_NOT_FOUND, VERSION_EXISTS, BLOB_MISSING, INPUT_TOO_LARGE, QUEUE_FULL.
        """
        run = Run(state=Run.STATE_RUNNING, trainer=self._trainer(wanted.model), started_at=store.stamp(time.time()))
        run.MergeFrom(wanted)
        if run.dataset.size_bytes > self._settings.train_max_bytes:
            raise ClipmillError(
                "INPUT_TOO_LARGE",
                f"The training set has {run.dataset.size_bytes} bytes, more than {self._settings.train_max_bytes}.",
                "Train on less, or raise CLIPMILL_MODELS_TRAIN_MAX_BYTES.",
            )
        if not await self._blobs.exists(run.dataset):
            raise ClipmillError("BLOB_MISSING", f"{run.dataset.uri}: it is not in the store.", "Export it anew.")
        async with self._database.transaction() as on:
            await serial_for_model(on, run.model)
            if known := await _find(on, run.run_id):
                return known
            waiting = len(await _open(on))
            if waiting >= self._settings.max_trainings:
                raise ClipmillError("QUEUE_FULL", f"{waiting} trainings wait.", "Come back later.", retryable=True)
            if await store.find(on, run.model, run.version) is not None:
                raise ClipmillError(
                    "VERSION_EXISTS",
                    f"There is a version {run.version} of {run.model}.",
                    "Name the version that is to be made otherwise.",
                )
            await on.execute(training_runs.insert(), _row(run))
            await self._tell(on, run)
            after_commit(on, self._noted.set)
        return run

    async def get(self, run_id: str) -> pb.TrainingRun:
        async with self._database.reading() as on:
            found = await _find(on, run_id)
        if found is None:
            raise ClipmillError("TRAINING_NOT_FOUND", f"There is no training {run_id[:64]}.", "Begin one.")
        return found

    async def work(self) -> None:
        """Train what is noted, the oldest first, until cancelled. One process does."""
        async with self._database.exclusive("trainings"):
            while True:
                self._noted.clear()
                async with self._database.reading() as on:
                    noted = await _open(on)
                if noted:
                    await self._train(noted[0])
                    continue
                # Not wait_for: in Python 3.11 it loses a cancel that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._noted.wait()

    def _trainer(self, model: str) -> str:
        trainer = dict(each.split("=", 1) for each in self._settings.trainers).get(model)
        if trainer is None:
            raise ClipmillError(
                "TRAINER_NOT_FOUND", f"Nothing trains {model[:64]}.", "CLIPMILL_MODELS_TRAINERS names trainers."
            )
        return trainer

    async def _train(self, run: pb.TrainingRun) -> None:
        failure: ClipmillError | None = None
        try:
            if run.attempt >= TRIES:
                raise ClipmillError("TRAINING_LOST", "The process that trained has ended, twice.", "Begin it again.")
            run.attempt += 1
            # It may have been noted when another was declared.
            run.trainer = self._trainer(run.model)
            async with self._database.transaction() as on:
                await _put(on, run)
            trained = await self._trained(run)
            run.metrics.update(trained.metrics)
            run.lineage.update(trained.lineage)
            run.rows = trained.rows
            await self._registered(run, trained)
        except ClipmillError as error:
            failure = error
        except Exception as error:
            log.exception("a training failed unexpectedly", model=run.model)
            failure = ClipmillError("TRAINING_FAILED", f"{type(error).__name__}: {error}"[:300] + ".", "See the log.")
        run.state = Run.STATE_FAILED if failure else Run.STATE_COMPLETED
        if failure is not None:
            run.failure.CopyFrom(failure.failure("models"))
        run.finished_at.CopyFrom(store.stamp(time.time()))
        async with self._database.transaction() as on:
            await _put(on, run)
            await self._tell(on, run)
        log.info("a training ended", model=run.model, version=run.version, failure=str(failure or ""))

    async def _tell(self, on: AsyncConnection, run: pb.TrainingRun) -> None:
        said = pb.ModelLifecycle(owner_id=run.by, model=run.model, training=run)
        name = event_id("training", run.run_id, run.state)
        await self._outbox.add(on, Event(topics.MODELS_LIFECYCLE, said, name, run.by, "/models"))

    async def _trained(self, run: pb.TrainingRun) -> Trained:
        content = await self._blobs.get_bytes(run.dataset)
        limits = Limits(address_space_bytes=self._settings.train_memory_bytes, niceness=10)
        children = Children(run.trainer, slots=1, limits=limits)
        try:
            async with asyncio.timeout(self._settings.train_s):
                trained = await children.run(TrainingSet(content, self._settings.train_max_rows))
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
                source=f"{run.dataset.uri}, SHA-256 {run.dataset.sha256}, {run.rows} rows",
                measured={name: f"{value:.6g}" for name, value in trained.metrics.items()},
            ),
        )
        await self._registry.register(request, content=trained.table)
        await self._registry.validate(run.model, run.version)
        await self._aliases.promote(Wish(run.model, run.version, pb.ALIAS_CHALLENGER, f"training {run.run_id}"))


async def _find(on: AsyncConnection, run_id: str) -> pb.TrainingRun | None:
    query = select(training_runs.c.body).where(training_runs.c.run_id == run_id)
    body: bytes | None = (await on.execute(query)).scalar()
    return None if body is None else Run.FromString(body)


async def _open(on: AsyncConnection) -> list[pb.TrainingRun]:
    """Those that have not ended, the oldest first."""
    query = select(training_runs.c.body).where(training_runs.c.state == Run.STATE_RUNNING)
    runs = map(Run.FromString, (await on.execute(query)).scalars())
    return sorted(runs, key=lambda run: run.started_at.ToMicroseconds())


async def _put(on: AsyncConnection, run: pb.TrainingRun) -> None:
    await on.execute(update(training_runs).where(training_runs.c.run_id == run.run_id).values(_row(run)))


def _row(run: pb.TrainingRun) -> dict[str, object]:
    return {"run_id": run.run_id, "state": run.state, "body": run.SerializeToString()}
