"""The docs name what the code says."""

import re
from pathlib import Path

import click
import pytest

from clipmill_cli.main import cli

ROOT = Path(__file__).parents[1]
SOURCES = [
    path for folder in ("services", "shared", "cli", "protos") for path in (ROOT / folder).glob("**/src/**/*.py")
    if "_pb2" not in path.name
]  # fmt: skip
# Every literal that looks like a code is one, but for settings, and for these names of other people's things.
CODE = re.compile(r'"((?!CLIPMILL_)[A-Z]+(?:_[A-Z]+)+)"')
OTHERS = {
    "CLOCK_BOOTTIME", "DEFAULT_MEDIA", "FINAL_STATES", "HF_HOME", "HF_HUB_CACHE", "JAVA_HOME",
    "MOONSHINE_ORT_SINGLE_THREAD", "NOT_FOUND", "OPENBLAS_NUM_THREADS", "OTEL_EXPORTER_OTLP_ENDPOINT",
    "KAFKA_BUNDLE", "OTIO_SCHEMA",
    "XDG_CACHE_HOME",
}  # fmt: skip


def test_every_code_is_documented():
    documented = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", (ROOT / "docs" / "errors.md").read_text()))
    used = {code: path for path in SOURCES for code in CODE.findall(path.read_text())}
    assert len(used) > 30
    missing = {code: str(path.relative_to(ROOT)) for code, path in used.items() if code not in documented | OTHERS}
    assert not missing


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert link.startswith("http") or (page.parent / link).exists(), link


def commands_of(page: Path) -> list[str]:
    """The lines of a page's code blocks that are Clipmill's commands, without what is piped or put around them."""
    blocks = re.findall(r"```(?:sh)?\n(.*?)```", page.read_text(), re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    called = (re.search(r"(?:^|^\$ |\$\(|/)(?:clipmill|clip) +([a-z].*)", line.split(" #")[0]) for line in lines)
    return [found[1].rstrip(") ") for found in called if found]


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_commands_of_the_docs_are_there_with_their_options(page):
    for line in commands_of(page):
        command, names = cli, []
        for word in line.split():
            if not isinstance(command, click.Group):
                break
            inner = command.get_command(click.Context(command), word.split("|")[0])
            assert inner is not None, f"clipmill {line}: there is no command {word}"
            command, names = inner, [*names, word]
        if "|" in names[-1]:
            continue  # several commands in one line: each option is of one of them
        options = {name for parameter in command.params for name in parameter.opts}
        for option in re.findall(r"(?<![\w-])--[a-z0-9-]+", line):
            assert option in options | {"--help"}, f"clipmill {line}: {' '.join(names)} has no {option}"
