"""The release before works on this one's schema, while both run and after (docs/adr/0015): what it said to its
databases, as previous/record.py wrote it down, is said again to databases that this one has migrated."""

from __future__ import annotations

import base64
import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from clipmill_shared.schema import migrate
from clipmill_shared.sql import Database

HERE = Path(__file__).parent / "previous"
REVISIONS: dict[str, str] = json.loads((HERE / "revisions.json").read_text())
STORIES = sorted({path.name.partition(".")[0] for path in HERE.glob("*.jsonl")})


def migrations(service: str) -> Path:
    return Path(str(import_module(f"clipmill_{service}.tables").__file__)).parent / "migrations"


def value(told: object) -> object:
    return base64.b64decode(told["base64"]) if isinstance(told, dict) else told


async def say(database: Database, statements: list[dict[str, Any]]) -> None:
    """Say statements again; each must be understood, and change as many rows as it did."""
    async with database.transaction() as on:
        for told in statements:
            done = await on.exec_driver_sql(told["sql"], tuple(value(each) for each in told["parameters"]))
            if told["rows"] is not None and told["rows"] >= 0:
                assert done.rowcount == told["rows"], told["sql"]


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["new from the start", "migrated under way"])
@pytest.mark.parametrize("story", STORIES)
async def test_the_release_before_works_on_this_schema(story: str, share: float, sql_url: str, tmp_path: Path) -> None:
    service = story.partition("-")[0]
    database, metadata = Database(sql_url), import_module(f"clipmill_{service}.tables").metadata
    kind = database.url.get_backend_name()
    statements = [json.loads(line) for line in (HERE / f"{story}.{kind}.jsonl").read_text().splitlines()]
    before = round(len(statements) * share)
    if before:
        old = tmp_path / "migrations"
        old.mkdir()
        for path in migrations(service).glob("[0-9]*.py"):
            if path.name[:4] <= REVISIONS[service]:
                shutil.copy(path, old)
        await migrate(old, database)
        await say(database, statements[:before])
    await migrate(migrations(service), database, metadata)
    await say(database, statements[before:])
    # And this release reads what the other one wrote.
    async with database.reading() as on:
        for table in metadata.sorted_tables:
            await on.execute(select(table))
    await database.close()
