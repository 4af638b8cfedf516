"""Settings: every value comes from a flag, the environment, a file or a default, and says which.

A class a service or tool. `env_prefix` names its section: CLIPMILL_INGEST_ is the section [ingest], CLIPMILL_ alone is
the file's top level. The sources, first wins: arguments of the constructor (tests), `--set ingest.lease_s=5` (see
`use_flags`), CLIPMILL_INGEST_LEASE_S, the content of the file that CLIPMILL_INGEST_LEASE_S_FILE names (secrets of
containers), the TOML file that CLIPMILL_CONFIG names, the default.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from clipmill_shared.errors import ClipmillError

PREFIX = "CLIPMILL_"
CONFIG = PREFIX + "CONFIG"
FILE_SUFFIX = "_FILE"

# The password of scheme://user:password@host.
_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^/@\s]*@")
_flags: dict[str, str] = {}


class InvalidSettingError(ClipmillError):
    """A setting that cannot be what it is. `name` is "section.field"; the message says where its value came from.

    `also` are the other wrong ones of the same class.
    """

    def __init__(self, name: str, message: str, remedy: str) -> None:
        super().__init__("INVALID_SETTING", message, remedy)
        self.name = name
        self.also: tuple[InvalidSettingError, ...] = ()


@dataclass(frozen=True)
class Found:
    """The text or TOML value of a setting, and where it was found, in words."""

    value: Any
    source: str


class Settings(BaseSettings):
    """Base of all settings classes. InvalidSettingError when a value is not what its field says.

    Fields have a description, with their unit in the name; secrets are SecretStr.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _wrong(type(self), error, given) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Source(settings_cls)


def section_of(cls: type[Settings]) -> str:
    """The table of the file, "" for the top level."""
    return str(cls.model_config["env_prefix"]).removeprefix(PREFIX).rstrip("_").lower()


def name_of(cls: type[Settings], field: str) -> str:
    """The field's name in the file and in flags: "ingest.lease_s"."""
    section = section_of(cls)
    return f"{section}.{field}" if section else field


def variable_of(cls: type[Settings], field: str) -> str:
    """The field's environment variable."""
    return f"{cls.model_config['env_prefix']}{field.upper()}"


def find(cls: type[Settings]) -> dict[str, Found]:
    """What each field is set to by flags, environment or file; fields with their default are absent."""
    table = _table(section_of(cls))
    result: dict[str, Found] = {}
    for field, info in cls.model_fields.items():
        if (found := _find(cls, field, table)) is not None:
            result[field] = Found(_split(found.value, info), found.source)
    return result


class _Source(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        found = find(typing.cast(type[Settings], self.settings_cls)).get(field_name)
        return found and found.value, field_name, False

    def __call__(self) -> dict[str, Any]:
        settings = typing.cast(type[Settings], self.settings_cls)
        return {field: found.value for field, found in find(settings).items()}


def use_flags(assignments: Iterable[str]) -> None:
    """Take `section.name=value` flags for all settings that this process makes from now on.

    InvalidSettingError for what is not of this form.
    """
    taken: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise InvalidSettingError(
                name, f"--set {name} gives no value.", "Write --set section.name=value, as in docs/configuration.md."
            )
        taken[name.strip()] = value
    _flags.clear()
    _flags.update(taken)


def flags() -> dict[str, str]:
    """The flags in use, by "section.name"; a process hands them to its children as --set options."""
    return dict(_flags)


def file() -> dict[str, Any]:
    """The TOML file's content, {} without one. InvalidSettingError when it cannot be read."""
    path = os.environ.get(CONFIG)
    if not path:
        return {}
    try:
        return _read(path, Path(path).stat().st_mtime_ns)
    except OSError as error:
        raise InvalidSettingError(
            CONFIG, f"{CONFIG} names {path}, which cannot be read: {error.strerror}.", "Name a file, or unset it."
        ) from None


@functools.lru_cache(maxsize=4)
def _read(path: str, _changed_ns: int) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except ValueError as error:
        raise InvalidSettingError(CONFIG, f"{path} is not TOML: {error}.", "Correct the file.") from None


def _table(name: str) -> dict[str, Any]:
    content = file()
    if not name:
        return {key: value for key, value in content.items() if not isinstance(value, dict)}
    table = content.get(name, {})
    return table if isinstance(table, dict) else {}


def _find(cls: type[Settings], field: str, table: dict[str, Any]) -> Found | None:
    key, variable = name_of(cls, field), variable_of(cls, field)
    if key in _flags:
        return Found(_flags[key], f"--set {key}")
    if variable in os.environ:
        return Found(os.environ[variable], f"the environment, {variable}")
    # "x_file" may be a setting of its own.
    if f"{field}_file" not in cls.model_fields and (path := os.environ.get(variable + FILE_SUFFIX)):
        try:
            return Found(Path(path).read_text("utf-8").rstrip("\r\n"), f"the file {path} of {variable}{FILE_SUFFIX}")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettingError(
                key, f"{variable}{FILE_SUFFIX} names {path}, which cannot be read: {error}.", "Name a file of text."
            ) from None
    if field in table:
        return Found(table[field], f"{os.environ[CONFIG]}, {key}")
    return None


def _split(value: Any, info: FieldInfo) -> Any:
    """Lists are "a, b" in the environment, or JSON, unless the field is NoDecode; "" is None where None is allowed."""
    if not isinstance(value, str) or NoDecode in info.metadata:
        return value
    kinds = (info.annotation, *typing.get_args(info.annotation))
    if any(typing.get_origin(kind) in (list, tuple, set, frozenset) for kind in kinds):
        if value.lstrip().startswith("["):
            import json

            try:
                return json.loads(value)
            except ValueError:
                return value
        return [item.strip() for item in value.split(",") if item.strip()]
    return None if value == "" and type(None) in kinds else value


def is_secret(info: FieldInfo) -> bool:
    """True for a field whose value is never shown."""
    return SecretStr in (info.annotation, *typing.get_args(info.annotation))


def default_of(info: FieldInfo) -> str:
    """The default in words; of a computed one what its function says of itself."""
    if info.default_factory is not None:
        return (inspect.getdoc(info.default_factory) or info.default_factory.__name__).splitlines()[0].rstrip(".")
    if info.is_required() or info.default is None or info.default in ("", frozenset(), ()):
        return "none"
    return f"{info.default:g}" if isinstance(info.default, float) else str(info.default)


def shown(value: object) -> str:
    """A value for people and logs: secrets and passwords of addresses are hidden."""
    return _PASSWORD.sub(r"\1***@", str(value))


def _wrong(cls: type[Settings], error: ValidationError, given: dict[str, Any]) -> InvalidSettingError:
    found = {name: value for name, value in find(cls).items() if name not in given}
    first, *others = (_named(cls, detail, found) for detail in error.errors(include_url=False, include_context=False))
    first.also = tuple(others)
    return first


def _named(cls: type[Settings], detail: ErrorDetails, found: dict[str, Found]) -> InvalidSettingError:
    field = str(detail["loc"][0]) if detail["loc"] else ""
    name = name_of(cls, field) if field else section_of(cls) or "settings"
    reason = detail["msg"].removeprefix("Value error, ").rstrip(".")
    if detail["type"] == "string_pattern_mismatch":
        # The field's description says the form in words.
        reason = "it is not written as it must be"
    reason = f"{reason[:1].lower()}{reason[1:]}"
    info = cls.model_fields.get(field)
    if info is None:
        return InvalidSettingError(name, f"{name}: {reason}.", "docs/configuration.md has every setting.")
    is_what = ""
    if field in found:
        value = "its value" if is_secret(info) else repr(shown(found[field].value))
        is_what = f" is {value} by {found[field].source}"
    meaning = f"It means: {info.description.rstrip('.')}; the" if info.description else "The"
    return InvalidSettingError(name, f"{name}{is_what}: {reason}.", f"{meaning} default is {default_of(info)}.")
