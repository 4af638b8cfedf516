"""The engines of a cluster as child processes: PostgreSQL, Redis, S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.postgres import Postgres, postgres
from harness.redis import redis, servers
from harness.s3 import S3, s3
from harness.server import Server


@dataclass(frozen=True)
class Engines:
    """Running ones."""

    postgres: Postgres
    redis: Server
    s3: S3

    async def environment(self, s3_port: int) -> dict[str, str]:
        """What an operator sets to have a system on these; the object store is reached at `s3_port`."""
        for service in ("ingest", "catalog"):
            url = await self.postgres.url(service)
        return {
            "CLIPMILL_SQL_URL": url.replace("catalog@", "{service}@"),
            "CLIPMILL_REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "CLIPMILL_BLOBS_URL": f"s3://{self.s3.bucket()}/clips",
            **self.s3.environment(s3_port),
        }


@contextmanager
def engines() -> Iterator[Engines]:
    """Run them for as long as the context lasts."""
    with postgres() as sql, redis(next(iter(servers().values()))) as cache, s3() as store:
        yield Engines(sql, cache, store)
