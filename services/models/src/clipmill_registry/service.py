"""Where the registry's parts meet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import grpc.aio

from clipmill.models.v1 import models_pb2
from clipmill.models.v1.models_pb2_grpc import add_ModelsServiceServicer_to_server
from clipmill_models import NAMES
from clipmill_registry import packaged, tables
from clipmill_registry.aliases import Aliases
from clipmill_registry.answering import Answering
from clipmill_registry.copying import Copying
from clipmill_registry.readiness import Readiness, ReadyEverywhere, ReadyHere
from clipmill_registry.registry import Registry
from clipmill_registry.remembered import Remembered
from clipmill_registry.retraining import Retraining
from clipmill_registry.servicer import ModelsServicer, Services
from clipmill_registry.settings import ModelsSettings
from clipmill_registry.training import Training
from clipmill_registry.validation import Validation
from clipmill_shared.askers import Askers
from clipmill_shared.inference.aliases import Aliases as KnownAliases
from clipmill_shared.inference.artefacts import Artefacts
from clipmill_shared.inference.executor import Executor, client_missing
from clipmill_shared.inference.fallback import Fallback
from clipmill_shared.inference.inprocess import InProcess
from clipmill_shared.inference.log import InferenceLog
from clipmill_shared.outbox import Outbox
from clipmill_shared.platform import Platform
from clipmill_shared.results import Results
from clipmill_shared.schema import migrate
from clipmill_shared.service import Service
from clipmill_shared.sql import Database

MIGRATIONS = Path(__file__).parent / "migrations"
# Where a broker loses its data, what reads aliases is told them again within this time.
TELL_AGAIN_S = 600.0


def build(settings: ModelsSettings, platform: Platform, names: Sequence[str] = NAMES) -> Service:
    """The models service: its database, its API, and the models that come with Clipmill, which `names` are."""
    database = Database(platform.sql_url_of("models"))
    outbox = Outbox(database, tables.outbox, platform.bus)
    artefacts = Artefacts(platform.blobs, platform.scratch / "models")
    here = InProcess(settings.memory_bytes)
    executor, readiness = _places(settings, artefacts, here)
    copying = Copying(settings, platform.blobs, platform.scratch / "artefacts")
    validation = Validation(settings, platform.blobs, artefacts)
    registry = Registry(
        database,
        platform.blobs,
        copying,
        validation,
        packaged.default_definition,
        delete_grace_s=settings.delete_grace_s,
    )
    aliases = Aliases(database, outbox, readiness, packaged=names, drain_s=settings.triton_drain_s)
    told = KnownAliases()
    inference_log = InferenceLog(platform.bus, "models", 1.0)
    log_share = platform.inference.log_share
    remembered = Remembered(platform.results or Results(platform.blobs), settings.keep_answers_from_s)
    answering = Answering(
        database, told, artefacts, executor, inference_log, remembered=remembered, log_share=log_share
    )
    training = Training(settings, database, outbox, platform.blobs, registry=registry, aliases=aliases)
    askers = Askers(platform.tokens, settings.lifecycle_owner, "models.lifecycle_owner")
    retraining = Retraining(training, askers, settings.operator)
    services = Services(database, registry, aliases, answering, training)
    servicer = ModelsServicer(settings, services, platform.limits)

    def add(server: grpc.aio.Server) -> None:
        add_ModelsServiceServicer_to_server(servicer, server)

    async def start() -> None:
        await migrate(MIGRATIONS, database, tables.metadata, platform.migrations)

    async def keep() -> None:
        """Beside the API: looking at what the packages have takes seconds, once."""
        await packaged.register(registry, aliases, names)
        while True:
            await aliases.tell_again()
            await registry.erase_due()
            await asyncio.sleep(TELL_AGAIN_S)

    async def stop() -> None:
        await copying.close()
        await answering.close()
        await aliases.close()
        await executor.close()
        await database.close()

    return Service(
        name="models",
        subscriptions=(told.subscription, retraining.subscription),
        loops=(outbox.relay, keep, training.work, *inference_log.loops),
        servicers=(add,),
        grpc_names=(models_pb2.DESCRIPTOR.services_by_name["ModelsService"].full_name,),
        start=start,
        stop=stop,
    )


def _places(settings: ModelsSettings, artefacts: Artefacts, here: InProcess) -> tuple[Executor, Readiness]:
    """Where versions are asked, and where they are made ready: here, and before that on Triton where there is one."""
    ready_here = ReadyHere(here, artefacts)
    if not settings.triton_addresses:
        return here, ready_here
    try:
        # Late: its client is no part of `make run`.
        from clipmill_registry.on_triton import Replica, Replicas
    except ModuleNotFoundError as error:
        # Here and not at the first promotion, which would be refused for what no operator of models can mend.
        raise client_missing(error, "CLIPMILL_MODELS_TRITON_ADDRESSES") from error
    replicas = [Replica(address) for address in settings.triton_addresses]
    return Fallback([*replicas, here]), ReadyEverywhere(ready_here, Replicas(replicas, artefacts))
