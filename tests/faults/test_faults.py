"""The short form of `make faults`: two kinds of fault in one run, on SQLite and a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults import faults, suite

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka"), pytest.mark.timeout(300)]
SHORT = (faults.kill_render, faults.restart_broker)


async def test_nothing_is_lost_and_nothing_is_done_twice(tmp_path: Path) -> None:
    report = await suite.run(tmp_path, SHORT, seed=1, every_s=2.0)
    assert report.verdict.broken == ()
    assert set(report.verdict.states) == {"COMPLETED"}
    assert all(suffered.recovery_s is not None for suffered in report.faults)
    assert report.verdict.jobs > len(SHORT)
