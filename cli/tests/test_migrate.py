"""`clipmill migrate`, as a cluster's Job runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from clipmill_catalog import tables as catalog
from clipmill_ingest import tables as ingest
from clipmill_registry import tables as models
from clipmill_scoring import tables as scoring
from harness.postgres import Postgres

from clipmill_cli.migrate import OWNERS
from clipmill_shared.schema import difference
from clipmill_shared.sql import Database

COMMAND = Path(sys.executable).parent / "clipmill"


@pytest.fixture
async def sql_url(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in OWNERS:
        await postgres.drop(f"migrated_{name}")
        url = (await postgres.url(f"migrated_{name}")).replace(f"migrated_{name}", "migrated_{service}")
    monkeypatch.setenv("CLIPMILL_SQL_URL", url)
    return url


def run(*args: str) -> tuple[int, str, str]:
    ran = subprocess.run([COMMAND, "migrate", *args], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.real
async def test_databases_are_migrated_and_a_check_says_whether_they_are(sql_url: str) -> None:
    code, _, said = run("ingest", "--check")
    assert code == 5
    assert "Run `clipmill migrate ingest` once, then start again. [DATABASE_NOT_MIGRATED]" in said
    assert run()[:2] == (0, "".join(f"{name}: as this version needs it\n" for name in OWNERS))
    assert run("--check")[0] == 0
    for name, tables in (("ingest", ingest), ("catalog", catalog), ("scoring", scoring), ("models", models)):
        database = Database(sql_url.replace("{service}", name))
        assert await difference(database, tables.metadata) == []
        await database.close()


def test_only_services_that_keep_something_have_a_database() -> None:
    code, _, said = run("vision")
    assert code == 2
    assert "catalog" in said
