"""Settings: where a value comes from, which one wins, and what is said of a wrong one."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from clipmill_shared import settings
from clipmill_shared.settings import InvalidSettingError, Settings


class MillSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="CLIPMILL_MILL_")

    wheel_s: float = Field(10.0, gt=0, description="A turn of the wheel.")
    hosts: frozenset[str] = frozenset()
    threads: int | None = None
    grain: Literal["rye", "oats"] = "rye"
    key: SecretStr | None = None


class TopSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    folder: Path = Path("here")
    folder_file: str = ""


@pytest.fixture(autouse=True)
def no_flags():
    yield
    settings.use_flags(())


@pytest.fixture
def config(tmp_path, monkeypatch):
    def write(text: str) -> Path:
        path = tmp_path / "clipmill.toml"
        path.write_text(text)
        monkeypatch.setenv("CLIPMILL_CONFIG", str(path))
        return path

    return write


def test_without_anything_there_is_the_default():
    assert MillSettings().wheel_s == 10
    assert settings.find(MillSettings) == {}


def test_a_file_goes_before_the_default_and_a_section_is_a_table_of_it(config):
    config('folder = "there"\n[mill]\nwheel_s = 3\nhosts = ["a", "b"]\n')
    assert MillSettings().wheel_s == 3
    assert MillSettings().hosts == {"a", "b"}
    assert TopSettings().folder == Path("there")


def test_the_environment_goes_before_the_file_and_a_flag_before_both(config, monkeypatch):
    config("[mill]\nwheel_s = 3\n")
    monkeypatch.setenv("CLIPMILL_MILL_WHEEL_S", "4")
    assert MillSettings().wheel_s == 4
    settings.use_flags(["mill.wheel_s=5"])
    assert MillSettings().wheel_s == 5
    assert MillSettings(wheel_s=6).wheel_s == 6


def test_each_value_says_where_it_was_found(config, monkeypatch, tmp_path):
    path = config('[mill]\ngrain = "oats"\n')
    monkeypatch.setenv("CLIPMILL_MILL_THREADS", "2")
    (tmp_path / "key").write_text("secret\n")
    monkeypatch.setenv("CLIPMILL_MILL_KEY_FILE", str(tmp_path / "key"))
    settings.use_flags(["mill.wheel_s=5"])
    assert {field: found.source for field, found in settings.find(MillSettings).items()} == {
        "wheel_s": "--set mill.wheel_s",
        "threads": "the environment, CLIPMILL_MILL_THREADS",
        "grain": f"{path}, mill.grain",
        "key": f"the file {tmp_path / 'key'} of CLIPMILL_MILL_KEY_FILE",
    }


def test_a_secret_comes_from_a_file_without_its_last_line_end(monkeypatch, tmp_path):
    (tmp_path / "key").write_text(" s3cret\n")
    monkeypatch.setenv("CLIPMILL_MILL_KEY_FILE", str(tmp_path / "key"))
    key = MillSettings().key
    assert key is not None and key.get_secret_value() == " s3cret"


def test_a_setting_named_file_is_not_taken_for_the_content_of_another(monkeypatch):
    monkeypatch.setenv("CLIPMILL_FOLDER_FILE", "just a text")
    assert TopSettings().folder == Path("here")
    assert TopSettings().folder_file == "just a text"


@pytest.mark.parametrize("text", ["a,b", " a , b ,", '["a", "b"]'])
def test_a_list_is_written_with_commas_or_as_json(monkeypatch, text):
    monkeypatch.setenv("CLIPMILL_MILL_HOSTS", text)
    assert MillSettings().hosts == {"a", "b"}


def test_empty_is_none_where_none_is_allowed(monkeypatch):
    monkeypatch.setenv("CLIPMILL_MILL_THREADS", "")
    assert MillSettings().threads is None


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("WHEEL_S", "-1", ["mill.wheel_s is '-1'", "CLIPMILL_MILL_WHEEL_S", "greater than 0", "A turn of the wheel"]),
        ("WHEEL_S", "soon", ["mill.wheel_s is 'soon'", "valid number", "default is 10"]),
        ("GRAIN", "rice", ["mill.grain is 'rice'", "'rye' or 'oats'"]),
        ("HOSTS", "[a", ["mill.hosts is '[a'"]),
        ("KEY_FILE", "/no/such/file", ["CLIPMILL_MILL_KEY_FILE", "/no/such/file", "No such file"]),
    ],
)
def test_a_wrong_value_is_named_with_its_source_and_what_would_be_right(monkeypatch, variable, value, said):
    monkeypatch.setenv(f"CLIPMILL_MILL_{variable}", value)
    with pytest.raises(InvalidSettingError) as raised:
        MillSettings()
    assert raised.value.code == "INVALID_SETTING"
    for part in said:
        assert part in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"), [("[mill", "is not TOML"), ("[mill]\nwheel_s = 'x'\n", "clipmill.toml, mill.wheel_s")]
)
def test_a_wrong_file_is_named(config, text, said):
    config(text)
    with pytest.raises(InvalidSettingError, match=said):
        MillSettings()


def test_a_file_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("CLIPMILL_CONFIG", "/no/such.toml")
    with pytest.raises(InvalidSettingError, match=r"/no/such\.toml, which cannot be read"):
        MillSettings()


@pytest.mark.parametrize("flag", ["mill.wheel_s", "=3"])
def test_a_flag_without_name_or_value_is_refused(flag):
    with pytest.raises(InvalidSettingError):
        settings.use_flags([flag])


def test_secrets_are_not_shown(monkeypatch):
    class PinSettings(MillSettings):
        key: SecretStr | None = Field(None, min_length=8)

    monkeypatch.setenv("CLIPMILL_MILL_KEY", "s3cret")
    with pytest.raises(InvalidSettingError) as raised:
        PinSettings()
    assert "s3cret" not in str(raised.value) and "s3cret" not in repr(raised.value)
    assert "s3cret" not in repr(MillSettings())
    assert settings.shown("postgresql://clip:s3cret@db/x") == "postgresql://clip:***@db/x"
