"""Real servers for any test that asks: started when first asked for, one a test process, gone with it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness.kafka import Broker, kafka
from harness.postgres import Postgres
from harness.postgres import postgres as run_postgres
from harness.redis import redis as run_redis
from harness.redis import servers as redis_servers
from harness.s3 import S3
from harness.s3 import s3 as run_s3
from harness.server import Server


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A Kafka. Who asks for it is in pytest's group "kafka", so that there is one of it."""
    with kafka() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL."""
    with run_postgres() as running:
        yield running


@pytest.fixture(scope="session")
def redis_named() -> Iterator[Callable[[str], Server]]:
    """The Redis server of a name of `harness.redis.servers`."""
    with ExitStack() as stack:
        yield functools.cache(lambda name: stack.enter_context(run_redis(redis_servers()[name])))


@pytest.fixture(params=sorted(redis_servers()))
def redis_server(request: pytest.FixtureRequest, redis_named: Callable[[str], Server]) -> Server:
    """Each Redis server that there is for this machine."""
    return redis_named(request.param)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """An S3."""
    with run_s3() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind that a service may have."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/deep/x.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return await postgres.url()
