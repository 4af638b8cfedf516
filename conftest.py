"""What holds for every test: skips are counted and named, and in CI only those on the list may happen. Property tests
try the same examples on every run; CLIPMILL_EXAMPLES=5000 looks further."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("further", deadline=None, max_examples=int(os.environ.get("CLIPMILL_EXAMPLES", "100")))
settings.load_profile("further" if "CLIPMILL_EXAMPLES" in os.environ else "same")
pytest_plugins = ["harness.fixtures"]
ROOT = Path(__file__).parent
ALLOWED_SKIPS = ROOT / "tests" / "allowed_skips.txt"


def _reasons(reporter) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    return reasons


def _allowed() -> list[str]:
    lines = ALLOWED_SKIPS.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pytest_terminal_summary(terminalreporter) -> None:
    for reason, count in sorted(_reasons(terminalreporter).items()):
        terminalreporter.write_line(f"skipped {count}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None:
        return
    refused = [reason for reason in _reasons(reporter) if not reason.startswith(tuple(_allowed()))]
    if refused:
        reporter.write_line(f"These skips are not in {ALLOWED_SKIPS.relative_to(ROOT)}: {refused}", red=True)
        session.exitstatus = 1


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real recordings, which only developers have."""
    folder = ROOT.parent / "shared" / "media"
    if not folder.is_dir():
        pytest.skip("needs the recordings of ../shared/media")
    return folder
