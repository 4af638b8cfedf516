"""`clipmill config`: what is wrong is named, what is set is shown, and no setting is left out of either."""

import importlib
import json
import pkgutil

import pytest
from click.testing import CliRunner

from clipmill_cli import all_settings
from clipmill_cli.main import cli
from clipmill_shared import settings
from clipmill_shared.settings import Settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in [name for name in all_settings.os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    yield
    settings.use_flags(())


def clipmill(*arguments: str):
    return CliRunner().invoke(cli, ["config", *arguments])


def test_the_defaults_are_right():
    answer = clipmill("check")
    assert (answer.exit_code, answer.stderr) == (0, "")


def test_everything_that_is_wrong_is_named_at_once(monkeypatch, tmp_path):
    (tmp_path / "c.toml").write_text('log_levle = "INFO"\n[ingest]\nlease_s = 0\n[vison]\nslots = 1\n')
    monkeypatch.setenv("CLIPMILL_CONFIG", str(tmp_path / "c.toml"))
    monkeypatch.setenv("CLIPMILL_INGEST_ATEMPTS", "3")
    monkeypatch.setenv("CLIPMILL_INGEST_ATTEMPTS", "0")
    answer = clipmill("check", "--json", "--set", "render.threads=x", "--set", "audio.slot=1")
    problems = {problem["name"]: problem for problem in json.loads(answer.stdout)["problems"]}
    assert answer.exit_code == 2
    assert problems.keys() == {
        "log_levle", "vison.slots", "CLIPMILL_INGEST_ATEMPTS", "audio.slot", "ingest.lease_s", "ingest.attempts",
        "render.threads",
    }  # fmt: skip
    assert problems["CLIPMILL_INGEST_ATEMPTS"]["remedy"] == "Did you mean CLIPMILL_INGEST_ATTEMPTS?"
    assert problems["vison.slots"]["remedy"] == "Did you mean vision.slots?"
    assert "c.toml, ingest.lease_s" in problems["ingest.lease_s"]["message"]


def test_for_people_each_is_one_line(monkeypatch):
    monkeypatch.setenv("CLIPMILL_INGEST_ATTEMPTS", "0")
    answer = clipmill("check", "--set", "scoring.slots=0")
    assert answer.exit_code == 2
    assert [line.partition(" is ")[0] for line in answer.stderr.splitlines()] == [
        "clipmill: ingest.attempts", "clipmill: scoring.slots",
    ]  # fmt: skip


def test_a_file_that_cannot_be_read_is_one_problem(monkeypatch):
    monkeypatch.setenv("CLIPMILL_CONFIG", "/no/such.toml")
    answer = clipmill("check")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1 and "/no/such.toml" in answer.stderr


def test_show_says_what_each_is_and_where_from_and_hides_passwords(monkeypatch):
    monkeypatch.setenv("CLIPMILL_SQL_URL", "postgresql+asyncpg://clipmill:s3cret@db/{service}")
    answer = clipmill("show", "--json", "--set", "ingest.lease_s=7")
    shown = {row["name"]: row for row in json.loads(answer.stdout)}
    assert shown["ingest.lease_s"] == {"name": "ingest.lease_s", "value": "7.0", "source": "--set ingest.lease_s"}
    assert shown["sql_url"]["value"] == "postgresql+asyncpg://clipmill:***@db/{service}"
    assert shown["scoring.slots"]["source"] == "the default"
    assert "s3cret" not in clipmill("show").stdout


def test_every_settings_class_is_known_and_says_what_each_field_means():
    packages = [importlib.import_module(f"clipmill_{name}") for name in (
        "shared", "cli", "ingest", "audio", "vision", "scoring", "render", "catalog", "registry",
    )]  # fmt: skip
    for package in packages:
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if "settings" in module.name:
                importlib.import_module(module.name)
    ours = {kind for kind in Settings.__subclasses__() if kind.__module__.startswith("clipmill_")}
    assert ours == set(all_settings.CLASSES)
    assert [row.name for row in all_settings.rows() if not row.meaning] == []


@pytest.mark.parametrize("command", [["clean"], ["run", "talk.mp4"], ["service", "audio"], ["migrate"]])
def test_every_command_names_a_setting_that_is_wrong(command, monkeypatch, tmp_path):
    monkeypatch.setenv("CLIPMILL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CLIPMILL_DATA_MAX_GIB", "much")
    monkeypatch.setenv("CLIPMILL_LOG_LEVEL", "LOUD")
    answer = CliRunner().invoke(cli, command)
    assert answer.exit_code == 2
    assert "is 'much' by the environment" in answer.stderr or "is 'LOUD' by the environment" in answer.stderr
