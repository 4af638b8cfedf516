"""Brands as users write them: brand.toml, and what may be in one. docs/brand.md has every field."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message

from clipmill.clips.v1.clips_pb2 import Brand, Logo, Music
from clipmill.looks import LookError, look_of

FILE = "brand.toml"
CORNERS = {
    name.removeprefix("CORNER_").lower().replace("_", "-"): value for name, value in Logo.Corner.items() if value
}
WIDTH, OPACITY, LENGTH_S, BELOW_LU = (0.03, 0.5), (0.05, 1.0), (0.5, 10.0), (6.0, 40.0)
MAX_NAME = 80
# Each with its fields; "file" is a path beside the brand's own file.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "logo": ("file", "corner", "width", "opacity"),
    "intro": ("file", "length_s"),
    "outro": ("file", "length_s"),
    "colours": ("text", "accent", "background"),
}
_COLOUR = re.compile(r"(#[0-9a-fA-F]{6})?")


class BrandError(ValueError):
    """A brand that cannot be used; the text names the field and says what it may be."""


@dataclass(frozen=True)
class BrandFile:
    """A brand as it was written, and where its files lie: any of "logo", "intro" and "outro"."""

    brand: Brand
    files: Mapping[str, Path]


def brand_file(path: Path) -> BrandFile:
    """The brand of a TOML file, or of a folder that has one named brand.toml. BrandError, OSError."""
    path = path / FILE if path.is_dir() else path
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrandError(f"it is no TOML: {error}") from None
    brand, files = Brand(name=path.resolve().parent.name if path.name == FILE else path.stem), {}
    for name, value in table.items():
        if name == "name" and isinstance(value, str):
            brand.name = value
        elif name == "captions" and isinstance(value, dict):
            try:
                brand.captions.CopyFrom(look_of(value))
            except LookError as error:
                raise BrandError(f"captions.{error}") from None
        elif name in _TABLES and isinstance(value, dict):
            if "file" in _TABLES[name]:
                files[name] = path.parent / _file_in(name, value)
            _fill(brand, name, value)
        else:
            raise BrandError(f"{name}: there are name, captions, {', '.join(_TABLES)}, each but the first a table")
    if fault := fault_of(brand):
        raise BrandError(fault)
    return BrandFile(brand, files)


def _file_in(name: str, table: Mapping[str, object]) -> str:
    file = table.get("file")
    if not isinstance(file, str) or not file:
        raise BrandError(f"{name}.file: it must name a file")
    return file


def _fill(brand: Brand, name: str, table: Mapping[str, object]) -> None:
    message: Message = getattr(brand, name)
    # A table that says nothing but its file is there, too.
    message.SetInParent()
    for field, value in table.items():
        if field not in _TABLES[name]:
            raise BrandError(f"{name}.{field}: there is no such field; there are {', '.join(_TABLES[name])}")
        if field == "file":
            continue
        if field == "corner":
            if not isinstance(value, str) or value not in CORNERS:
                raise BrandError(f"logo.corner: {value!r} is not one of {', '.join(CORNERS)}")
            brand.logo.corner = CORNERS[value]
            continue
        try:
            # A protobuf field takes True for a number.
            if isinstance(value, bool):
                raise TypeError
            setattr(message, field, value)
        except (TypeError, ValueError):
            raise BrandError(f"{name}.{field}: {value!r} is not of its kind") from None


def fault_of(brand: Brand) -> str | None:
    """What cannot be used of a brand, its files apart, by its field's name; None when nothing."""
    if len(brand.name) > MAX_NAME or not brand.name.isprintable():
        return f"name: it is more than a line of {MAX_NAME} characters"
    for name in _TABLES["colours"]:
        if not _COLOUR.fullmatch(getattr(brand.colours, name)):
            return f'colours.{name}: {getattr(brand.colours, name)[:40]!r} is no colour; say "#rrggbb"'
    if brand.logo.corner not in Logo.Corner.values():
        return f"logo.corner: {brand.logo.corner} is not known"
    bounded: tuple[tuple[str, Message, str, tuple[float, float]], ...] = (
        ("logo", brand.logo, "width", WIDTH),
        ("logo", brand.logo, "opacity", OPACITY),
        ("intro", brand.intro, "length_s", LENGTH_S),
        ("outro", brand.outro, "length_s", LENGTH_S),
    )
    for name, message, field, bounds in bounded:
        if message.HasField(field) and (fault := _out_of(getattr(message, field), bounds)):
            return f"{name}.{field}: {fault}"
    return None


def fault_of_music(music: Music) -> str | None:
    """What cannot be done with music, its file apart; None when nothing."""
    fault = _out_of(music.below_lu, BELOW_LU) if music.HasField("below_lu") else None
    return f"below_lu: {fault}" if fault else None


def _out_of(value: float, bounds: tuple[float, float]) -> str | None:
    if math.isfinite(value) and bounds[0] <= value <= bounds[1]:
        return None
    return f"{value:g} is not from {bounds[0]:g} to {bounds[1]:g}"
