"""Records what a release says to its databases, for the next one to be tested with (docs/adr/0015).

    python tests/contract/previous/record.py [CHECKOUT]

runs a few of the stores' tests of a checkout (this one) on SQLite and on PostgreSQL, and writes each one's statements,
in their order and with their parameters, into a file beside this script. Done at each release, by hand.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
STORIES = {
    "ingest": (
        "test_a_job_passes_all_stages_and_completes",
        "test_a_cancelled_job_stops_its_work",
        "test_old_history_is_forgotten_but_not_open_jobs_nor_final_states",
        "test_the_jobs_of_a_deleted_video_are_forgotten",
    ),
    "catalog": (
        "test_a_clip_is_told_of_once_it_is_scored_and_rendered",
        "test_clips_are_listed_newest_job_first_then_by_rank_page_by_page",
        "test_the_transcript_has_the_words_of_all_parts_in_order",
        "test_rows_blobs_and_cached_results_go_and_are_counted",
        "test_what_comes_late_is_erased_as_well",
    ),
}
SOURCES = ("protos/src", "shared/src", "services/ingest/src", "services/catalog/src", "tests")
WORDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
NOT_OURS = ("alembic_version", "pg_catalog", "advisory", "current_schema", "sqlite_master", "SELECT 1")


class Recorder:
    """A pytest plugin: writes the statements of each test. `postgres_url` makes URLs, and takes SQLite's place."""

    def __init__(self, postgres_url: Any = None) -> None:
        self._postgres_url = postgres_url
        self._told: list[str] = []
        self._seen: set[str] = set()

    def pytest_configure(self) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "after_cursor_execute", self._executed)
        if self._postgres_url is not None:
            self._use_postgres()

    def _use_postgres(self) -> None:
        from clipmill_shared.sql import Database

        known: dict[str, str] = {}
        made = Database.__init__

        def make(database: Any, url: str) -> None:
            if url.startswith("sqlite"):
                url = known[url] if url in known else known.setdefault(url, self._postgres_url())
            made(database, url)

        begin = Database.transaction

        @asynccontextmanager
        async def one_by_one(database: Any) -> AsyncIterator[Any]:
            # As SQLite has it: what is told in this order can be told again in it.
            async with database._writing, begin(database) as on:
                yield on

        Database.__init__ = make  # type: ignore[method-assign]
        Database.transaction = one_by_one  # type: ignore[method-assign]

    def _executed(self, _on: Any, cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        if not sql.lstrip().startswith(WORDS) or any(name in sql for name in NOT_OURS):
            return
        for each in parameters if many else [parameters]:
            is_read = sql.lstrip().startswith("SELECT")
            rows = None if is_read or many else cursor.rowcount
            line = json.dumps({"sql": sql, "parameters": [_plain(value) for value in each], "rows": rows})
            # What loops ask again and again is asked once.
            if not is_read or line not in self._seen:
                self._seen.add(line)
                self._told.append(line)

    def pytest_runtest_logreport(self, report: Any) -> None:
        assert not report.failed, report.longreprtext
        if report.when != "teardown":
            return
        name = report.nodeid.rpartition("::")[2].partition("[")[0]
        kind = "sqlite" if self._postgres_url is None else "postgresql"
        if self._told:
            (HERE / f"{os.environ['STORY']}-{name}.{kind}.jsonl").write_text("\n".join(self._told) + "\n")
        self._told, self._seen = [], set()


def _plain(value: object) -> object:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _record(service: str, kind: str) -> int:
    import pytest

    chosen = [f"services/{service}/tests", "-p", "no:cacheprovider", "-q", "-k", " or ".join(STORIES[service])]
    if kind == "sqlite":
        return int(pytest.main(chosen, plugins=[Recorder()]))
    # This checkout's server, whatever the recorded one has.
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "cli/src")]
    import blockbuster
    from harness.postgres import postgres

    # The drivers differ in what they read at connect, which is not the matter here.
    blockbuster.blockbuster_ctx = lambda *_: nullcontext(blockbuster.BlockBuster())
    with postgres() as server, ThreadPoolExecutor(1) as aside:
        return int(pytest.main(chosen, plugins=[Recorder(lambda: aside.submit(asyncio.run, server.url()).result())]))


def _revision(checkout: Path, service: str) -> str:
    folder = checkout / f"services/{service}/src/clipmill_{service}/migrations"
    return max(path.name[:4] for path in folder.glob("[0-9][0-9][0-9][0-9]_*.py"))


def main() -> None:
    checkout = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT).resolve()
    for old in HERE.glob("*.jsonl"):
        old.unlink()
    revisions = {service: _revision(checkout, service) for service in STORIES}
    (HERE / "revisions.json").write_text(json.dumps(revisions) + "\n")
    for service in STORIES:
        for kind in ("sqlite", "postgresql"):
            subprocess.run(
                [sys.executable, __file__, "--record", service, kind],
                cwd=checkout,
                env={**os.environ, "STORY": service, "PYTHONPATH": ":".join(str(checkout / each) for each in SOURCES)},
                check=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        sys.exit(_record(*sys.argv[2:4]))
    main()
