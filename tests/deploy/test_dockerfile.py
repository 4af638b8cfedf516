"""The Dockerfile: pinned, locked, run by nobody of importance, made of what is there."""

from __future__ import annotations

import re
from pathlib import PurePath

import dockerfile
from deploy.conftest import DOCKERFILE, ROOT, image_environment

from clipmill_cli import all_settings

COMMANDS = dockerfile.parse_file(str(DOCKERFILE))
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()


def values(name: str) -> list[tuple[str, ...]]:
    return [command.value for command in COMMANDS if command.cmd == name]


def test_its_bases_are_one_python_pinned_by_version():
    (base,) = {value[0] for value in values("FROM")}
    version = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-\w+", base)
    assert version is not None and version[1] in {"3.11", "3.12", "3.13"}


def test_everything_installed_is_checked_by_its_hash_or_is_ours():
    for line in (line for value in values("RUN") for line in re.split(r"&&|;", value[0])):
        if "pip install" in line:
            assert "--require-hashes" in line or "--offline" in line, line


def test_what_is_copied_is_there_and_not_ignored():
    copied = {
        source for command in COMMANDS if command.cmd == "COPY" and not command.flags for source in command.value[:-1]
    }
    assert copied and all((ROOT / source).exists() for source in copied)
    allowed = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    assert copied == allowed


def test_every_distribution_is_built():
    made = re.search(r"^DISTRIBUTIONS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert made is not None
    distributions = {PurePath(name).parts[0] for name in made[1].replace("\\\n", " ").split()}
    (build,) = (value[0] for value in values("RUN") if "uv build" in value[0])
    listed = re.search(r"for part in (.*?);", build)
    assert listed is not None and {PurePath(name).parts[0] for name in listed[1].split()} == distributions


def test_no_secret_and_nothing_of_tests_gets_into_it():
    assert IGNORED[1] == "*"
    assert {"**/tests", "**/.*"} <= set(IGNORED)


def test_it_does_not_run_as_root_and_its_settings_are_settings():
    assert values("USER")[-1] == ("10001:10001",)
    assert image_environment().keys() <= {row.variable for row in all_settings.rows()}
    assert values("ENTRYPOINT") == [("clipmill",)] and len(values("HEALTHCHECK")) == 1
