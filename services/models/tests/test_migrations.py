"""The migrations lead to the tables that the code writes."""

from __future__ import annotations

import pytest
from clipmill_registry import tables
from clipmill_registry.service import MIGRATIONS

from clipmill_shared.schema import difference, migrate
from clipmill_shared.sql import Database


@pytest.mark.parametrize("metadata", [None, tables.metadata], ids=["by revisions", "at once"])
async def test_a_new_database_has_the_tables_of_the_code(sql_url: str, metadata: object) -> None:
    database = Database(sql_url)
    await migrate(MIGRATIONS, database, metadata)
    assert await difference(database, tables.metadata) == []
    await migrate(MIGRATIONS, database)
    await database.close()
