"""What a service stands on, chosen by the composition root: which bus, which blobs, which database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clipmill_shared.blobs import Blobs
from clipmill_shared.bus import Bus
from clipmill_shared.compute import Cores
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.configured import Inference
from clipmill_shared.inference.settings import configured_inference
from clipmill_shared.limits import Limits, MemoryLimits, RedisLimits
from clipmill_shared.results import Results

if TYPE_CHECKING:
    # Late: `clipmill run` chooses its platform itself, and has no tokens.
    from clipmill_shared.auth import Tokens
    from clipmill_shared.platform_settings import PlatformSettings
    from clipmill_shared.schema import Migrations


@dataclass(frozen=True)
class Platform:
    """The same service runs on any of these; it never asks which.

    `sql_url` is an async SQLAlchemy URL with `{service}` in the place of the service's name: a SQLite file or a
    PostgreSQL schema each, which a start migrates, or only checks. `scratch` is a local folder for work in progress.
    `instance` names this process.
    """

    bus: Bus
    blobs: Blobs
    sql_url: str
    scratch: Path
    instance: str
    # All heavy work of a process shares them.
    cores: Cores = field(default_factory=Cores)
    limits: Limits = field(default_factory=MemoryLimits)
    migrations: Migrations = "auto"
    # Where the services' child processes run models.
    inference: Inference = field(default_factory=Inference)
    # Kept results as this process sees them; None: each worker has a view of its own.
    results: Results | None = None
    # What processes share of what they have at hand; empty: each has its own.
    redis_url: str = ""
    # Verifies who calls and who asks; None where no keys are configured.
    tokens: Tokens | None = None

    def sql_url_of(self, service: str) -> str:
        return self.sql_url.replace("{service}", service)


@asynccontextmanager
async def connected(settings: PlatformSettings, instance: str) -> AsyncIterator[Platform]:
    """The platform that the settings describe, on Kafka, with its topics made; waits for a Kafka that is down.

    `instance` must be unlike that of every other process on the same platform. Errors: KAFKA_UNSET,
    AUTH_KEYS_UNUSABLE.
    """
    if not settings.kafka_bootstrap:
        raise ClipmillError(
            "KAFKA_UNSET",
            "No Kafka is named.",
            "Set CLIPMILL_KAFKA_BOOTSTRAP to its host:port, or run `clipmill up`, which brings one along.",
        )
    # Late: `clipmill run` needs no Kafka.
    from clipmill_shared.bus.kafka import KafkaBus
    from clipmill_shared.scratch import scratch_folder
    from clipmill_shared.waiting import until_answered

    tokens = _tokens(settings)
    limits = _limits(settings)
    bus = KafkaBus(settings.kafka_bootstrap, instance, prefix=settings.kafka_prefix, create_topics=True)
    with scratch_folder(settings.home / "scratch", instance) as scratch:
        blobs = Blobs.from_url(settings.effective_blobs_url, scratch, settings.import_roots)
        results = Results(blobs, settings.redis_url)
        try:
            await until_answered("the object store", blobs.check)
            await until_answered(f"Kafka at {settings.kafka_bootstrap}", bus.ensure_topics, driver="aiokafka")
            yield Platform(
                bus=bus,
                blobs=blobs,
                sql_url=settings.effective_sql_url,
                scratch=scratch,
                instance=instance,
                limits=limits,
                migrations=settings.migrations,
                inference=configured_inference(),
                results=results,
                redis_url=settings.redis_url,
                tokens=tokens,
            )
        finally:
            await results.close()
            await bus.close()
            await limits.close()


def _limits(settings: PlatformSettings) -> Limits:
    return RedisLimits(settings.redis_url) if settings.redis_url else MemoryLimits()


def _tokens(settings: PlatformSettings) -> Tokens | None:
    if settings.auth_jwks is None:
        return None
    from clipmill_shared.auth import Tokens

    return Tokens.of(settings.auth_jwks)
