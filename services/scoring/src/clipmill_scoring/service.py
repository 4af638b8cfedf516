"""Where scoring's parts meet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipmill_scoring.handlers import Scoring
from clipmill_scoring.settings import ScoringSettings
from clipmill_shared.inference.log import InferenceLog
from clipmill_shared.inference.model_children import ModelChildren
from clipmill_shared.inference.pins import Pins
from clipmill_shared.platform import Platform
from clipmill_shared.service import Service
from clipmill_shared.work import Worker

if TYPE_CHECKING:
    import grpc.aio

    from clipmill_scoring.feature_store.store import FeatureStore
    from clipmill_scoring.head_to_head import HeadToHead

MIGRATIONS = Path(__file__).parent / "migrations"


def build(settings: ScoringSettings, platform: Platform) -> Service:
    """The scoring service: a worker with as many child processes as slots; where it learns, a database and an API."""
    log = InferenceLog(platform.bus, "scoring", platform.inference.log_share)
    children = ModelChildren(
        "clipmill_scoring.work:choose_clips",
        settings.slots,
        platform.inference,
        log,
        pins=Pins(platform.blobs, platform.scratch),
        cores=platform.cores,
        ahead=1,
    )
    versus = _versus(settings)
    scoring = Scoring(children, platform.blobs, keeps_candidates=settings.learns, versus=versus)
    instance = f"scoring-{platform.instance}"
    worker = Worker(scoring.stage, platform.bus, platform.blobs, settings.slots, instance, results=platform.results)
    workers: list[Worker[Any, Any]] = [worker]
    if settings.preview_slots:
        # On the same children: a preview is never waited for.
        instance = f"preview-{platform.instance}"
        workers.append(Worker(scoring.previews, platform.bus, platform.blobs, settings.preview_slots, instance))

    async def stop() -> None:
        await children.close()
        if versus:
            await versus.close()

    working = Service(
        name="scoring",
        subscriptions=tuple(subscription for each in workers for subscription in each.subscriptions),
        loops=(*(each.report_status for each in workers), *log.loops),
        stop=stop,
    )
    return _learning(working, scoring, settings, platform) if settings.learns else working


def _versus(settings: ScoringSettings) -> HeadToHead | None:
    """What compares clips; None where no model is named."""
    if not settings.rerank_url:
        return None
    # Late: aiohttp, where nothing is compared, would delay the start.
    from clipmill_scoring.head_to_head import HeadToHead
    from clipmill_shared.chat import Asked, Chat

    asked = Asked(settings.rerank_url, settings.rerank_model, settings.rerank_timeout_s, settings.rerank_key)
    return HeadToHead(Chat(asked), settings.rerank_tokens, settings.rerank_timeout_s)


def _learning(working: Service, scoring: Scoring, settings: ScoringSettings, platform: Platform) -> Service:
    """The worker, and beside it what learns from engagement and ranks anew."""
    # Late: where nothing is learnt, as in `clipmill run`, the start needs neither numpy nor tables.
    from clipmill.scoring.v1 import scoring_pb2
    from clipmill.scoring.v1.scoring_pb2_grpc import add_ScoringServiceServicer_to_server
    from clipmill_scoring import tables
    from clipmill_scoring.checking import Checking
    from clipmill_scoring.learning import GROUP, Learning
    from clipmill_scoring.served import ServedLog
    from clipmill_scoring.servicer import ScoringServicer
    from clipmill_shared.askers import Askers
    from clipmill_shared.offsets import SqlOffsets
    from clipmill_shared.schema import migrate
    from clipmill_shared.sql import Database

    database = Database(platform.sql_url_of("scoring"))
    features = _features(settings, platform)
    served = ServedLog(settings.features_logged_share if settings.features_check_s else 0.0)
    askers = Askers(platform.tokens, settings.engagement_owner, "scoring.engagement_owner")
    learning = Learning(
        database, platform.blobs, askers, SqlOffsets(database, tables.offsets, GROUP), features, served=served
    )
    servicer = ScoringServicer(database, platform.blobs, scoring, served, features)
    checking = Checking(database, platform.blobs, scoring, served, settings.features_check_s, features=features)

    def add(server: grpc.aio.Server) -> None:
        add_ScoringServiceServicer_to_server(servicer, server)

    async def start() -> None:
        await migrate(MIGRATIONS, database, tables.metadata, platform.migrations)

    async def stop() -> None:
        await working.stop()
        if features:
            await features.close()
        await database.close()

    return replace(
        working,
        subscriptions=(*working.subscriptions, *learning.subscriptions),
        loops=(*working.loops, learning.prune, *((checking.run,) if settings.features_check_s else ())),
        servicers=(add,),
        grpc_names=(scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"].full_name,),
        start=start,
        stop=stop,
    )


def _features(settings: ScoringSettings, platform: Platform) -> FeatureStore | None:
    """The feature store; None where no place for it is named. Errors: those of its file."""
    if not settings.features_url:
        return None
    # Late, as in `_learning`.
    from clipmill_scoring.feature_store.configured import source
    from clipmill_scoring.feature_store.offline import Offline
    from clipmill_scoring.feature_store.online import MemoryOnline, RedisOnline
    from clipmill_scoring.feature_store.store import FeatureStore

    online = RedisOnline(platform.redis_url) if platform.redis_url else MemoryOnline()
    offline = Offline(settings.features_url, platform.scratch)
    return FeatureStore(source(settings.features_file), offline, online, settings.features_keep_d)
