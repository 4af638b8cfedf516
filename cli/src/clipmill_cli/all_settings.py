"""Every setting of every part, as the table of docs/configuration.md and for `clipmill config`."""

from __future__ import annotations

import difflib
import os
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import clipmill_audio.settings
import clipmill_catalog.settings
import clipmill_ingest.settings
import clipmill_registry.settings
import clipmill_render.settings
import clipmill_scoring.settings
import clipmill_vision.settings
from pydantic.fields import FieldInfo

import clipmill_cli.data_folder
import clipmill_cli.kafka.jars
import clipmill_cli.remote
import clipmill_cli.running
import clipmill_shared.inference.settings
import clipmill_shared.platform_settings
import clipmill_shared.telemetry
from clipmill_shared import settings
from clipmill_shared.settings import InvalidSettingError, Settings

CLASSES: tuple[type[Settings], ...] = (
    clipmill_shared.platform_settings.PlatformSettings,
    clipmill_shared.inference.settings.TritonSettings,
    clipmill_shared.inference.settings.InferenceSettings,
    clipmill_shared.telemetry.TelemetrySettings,
    clipmill_cli.data_folder.DataFolderSettings,
    clipmill_cli.kafka.jars.BundleSettings,
    clipmill_cli.running.AddressSettings,
    clipmill_cli.remote.ClientSettings,
    clipmill_ingest.settings.IngestSettings,
    clipmill_audio.settings.AudioSettings,
    clipmill_vision.settings.VisionSettings,
    clipmill_scoring.settings.ScoringSettings,
    clipmill_render.settings.RenderSettings,
    clipmill_catalog.settings.CatalogSettings,
    clipmill_registry.settings.ModelsSettings,
)
# The unit that a name's end stands for.
UNITS = {"_s": "s", "_days": "days", "_bytes": "bytes", "_mib": "MiB", "_gib": "GiB", "_share": "0 to 1"}
UNNAMED_UNITS = {
    "face_searches_per_s_fast": "1/s",
    "face_searches_per_s_best": "1/s",
    "close_searches_per_s_best": "1/s",
}
# Not settings of parts: where those are, and what the commands of a client and `clipmill kafka` look at.
OTHERS = {settings.CONFIG, *(settings.PREFIX + name for name in ("ADDRESS", "TOKEN", "KAFKA_BUNDLE"))}


@dataclass(frozen=True)
class Setting:
    """One row of the table. `name` is its name in the file and in flags, `values` what it may be, in words."""

    owner: type[Settings]
    field: str
    name: str
    variable: str
    default: str
    unit: str
    values: str
    meaning: str
    is_secret: bool


@dataclass(frozen=True)
class Effective:
    """What a setting is now, for people: a secret is hidden. `source` is "the default" or where it was found."""

    name: str
    value: str
    source: str


def rows() -> list[Setting]:
    """Every setting once, in the order of the classes; two classes may name the same one."""
    table: dict[str, Setting] = {}
    for owner in CLASSES:
        for field, info in owner.model_fields.items():
            name = settings.name_of(owner, field)
            table.setdefault(
                name,
                Setting(
                    owner,
                    field,
                    name,
                    settings.variable_of(owner, field),
                    settings.default_of(info),
                    _unit(field),
                    _values(info),
                    info.description or "",
                    settings.is_secret(info),
                ),
            )
    return list(table.values())


def effective() -> list[Effective]:
    """What every setting is. InvalidSettingError when one is not valid."""
    found = {owner: settings.find(owner) for owner in CLASSES}
    made = {owner: owner() for owner in CLASSES}
    shown: list[Effective] = []
    for row in rows():
        value = getattr(made[row.owner], row.field)
        source = found[row.owner].get(row.field)
        text = settings.shown(", ".join(map(str, value)) if isinstance(value, tuple | frozenset) else value)
        shown.append(Effective(row.name, "" if value is None else text, source.source if source else "the default"))
    return shown


def problems() -> list[InvalidSettingError]:
    """Everything that is wrong: values, and names that nobody knows (typing errors)."""
    try:
        wrong = {error.name: error for error in (*_unknown_in_file(), *_unknown_elsewhere())}
    except InvalidSettingError as error:
        # The file itself.
        return [error]
    for owner in CLASSES:
        try:
            owner()
        except InvalidSettingError as error:
            wrong |= {each.name: each for each in (error, *error.also)}
    return list(wrong.values())


def page() -> str:
    """docs/configuration.md's table."""
    lines = ["| Setting | Environment | Default | Unit | Values | Meaning |", "|---|---|---|---|---|---|"]
    for row in rows():
        cells = (f"`{row.name}`", f"`{row.variable}`", row.default, row.unit, row.values, row.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _unknown_in_file() -> Iterator[InvalidSettingError]:
    known = {row.name for row in rows()}
    content = settings.file()
    names = [key for key, value in content.items() if not isinstance(value, dict)]
    names += [f"{table}.{key}" for table, keys in content.items() if isinstance(keys, dict) for key in keys]
    path = Path(os.environ.get(settings.CONFIG, "")).name
    yield from (_unknown(name, path, known) for name in names if name not in known)


def _unknown_elsewhere() -> Iterator[InvalidSettingError]:
    known = {row.name for row in rows()}
    yield from (_unknown(name, "--set", known) for name in settings.flags() if name not in known)
    variables = {row.variable for row in rows()}
    variables |= {f"{name}{settings.FILE_SUFFIX}" for name in variables} | OTHERS
    ours = (name for name in sorted(os.environ) if name.startswith(settings.PREFIX))
    yield from (_unknown(name, "the environment", variables) for name in ours if name not in variables)


def _unknown(name: str, where: str, known: set[str]) -> InvalidSettingError:
    near = difflib.get_close_matches(name, known, 1)
    remedy = f"Did you mean {near[0]}?" if near else "docs/configuration.md has every setting."
    return InvalidSettingError(name, f"There is no setting {name} (in {where}).", remedy)


def _unit(field: str) -> str:
    return UNNAMED_UNITS.get(field) or next((unit for end, unit in UNITS.items() if field.endswith(end)), "")


def _values(info: FieldInfo) -> str:
    """What a field may be: "whole number >= 1", "auto, check"."""
    kinds = [kind for kind in (typing.get_args(info.annotation) or (info.annotation,)) if kind is not type(None)]
    origin = typing.get_origin(info.annotation)
    if origin is typing.Literal:
        return ", ".join(map(str, kinds))
    if origin in (tuple, frozenset, list, set):
        return "list"
    names = {int: "whole number", float: "number", bool: "true, false", Path: "path"}
    bounds = [f"{sign} {limit:g}" for each in info.metadata for sign, limit in _bounds(each)]
    text = " ".join((names.get(kinds[0], "text"), " and ".join(bounds))).rstrip()
    return text + (", or none" if type(None) in typing.get_args(info.annotation) else "")


def _bounds(metadata: object) -> Iterator[tuple[str, float]]:
    for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")):
        if (limit := getattr(metadata, name, None)) is not None:
            yield sign, limit
