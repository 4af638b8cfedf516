"""How captions can look: the named looks of looks.toml, and looks that users write in the same words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from clipmill.clips.v1.clips_pb2 import CAPTION_STYLE_BLOCK, Brand, BrandColours, CaptionLook, CaptionStyle

FONTS = ("roboto-black", "roboto-bold", "roboto-medium", "roboto-regular")
PLACES = {
    "bottom": CaptionLook.PLACE_BOTTOM,
    "middle": CaptionLook.PLACE_MIDDLE,
    "top": CaptionLook.PLACE_TOP,
}
SIZE, OUTLINE, WORDS = (0.4, 2.0), (0.0, 0.3), (1, 20)
COLOURS = ("colour", "spoken_colour", "keyword_colour", "outline_colour", "box_colour")
_COLOUR = re.compile(r"(#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?)?")


class LookError(ValueError):
    """A look that cannot be drawn; the text names the field and says what it may be."""


@lru_cache(maxsize=1)
def looks() -> Mapping[str, CaptionLook]:
    """The named looks, each whole."""
    text = (files("clipmill") / "looks.toml").read_text(encoding="utf-8")
    return {name: look_of({"name": name, **table}) for name, table in tomllib.loads(text).items()}


def look_of_toml(text: str) -> CaptionLook:
    """A look as a user writes it: fields of looks.toml, and `name` for the look that has the others. LookError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LookError(f"it is no TOML: {error}") from None
    return look_of(table)


def look_of(table: Mapping[str, object]) -> CaptionLook:
    """A look from its fields by name. LookError."""
    look = CaptionLook()
    fields = CaptionLook.DESCRIPTOR.fields_by_name
    for name, value in table.items():
        if name not in fields:
            raise LookError(f"{name}: there is no such field; there are {', '.join(fields)}")
        if name == "place":
            if not isinstance(value, str) or value not in PLACES:
                raise LookError(f"place: {value!r} is not one of {', '.join(PLACES)}")
            look.place = PLACES[value]
            continue
        try:
            # A protobuf field takes True for a number.
            if isinstance(value, bool) and name not in ("uppercase", "emoji"):
                raise TypeError
            setattr(look, name, value)
        except (TypeError, ValueError):
            raise LookError(f"{name}: {value!r} is not of its kind") from None
    if fault := fault_of(look):
        raise LookError(fault)
    return look


def fault_of(look: CaptionLook) -> str | None:
    """What cannot be drawn of the fields that are said, by its name; None when nothing."""
    said = {field.name for field, _ in look.ListFields()}
    if look.HasField("font") and look.font not in FONTS:
        return f"font: {look.font[:40]!r} is not one of {', '.join(FONTS)}"
    for name in COLOURS:
        if not _COLOUR.fullmatch(getattr(look, name)):
            return f'{name}: {getattr(look, name)[:40]!r} is no colour; say "#rrggbb", "#rrggbbaa" or ""'
    if look.HasField("colour") and not look.colour:
        return "colour: the text must have one"
    for name, (least, most) in (("size", SIZE), ("outline", OUTLINE), ("words", WORDS)):
        if name in said and not least <= getattr(look, name) <= most:
            return f"{name}: {getattr(look, name):g} is not from {least:g} to {most:g}"
    if look.HasField("place") and look.place not in PLACES.values():
        return f"place: {look.place} is not known"
    return None


def whole_look(style: CaptionStyle.ValueType, said: CaptionLook, brand: Brand | None = None) -> CaptionLook:
    """The look that captions of `style` have: what is said, what the brand says, and the rest as the named look has it
    in the brand's colours. LookError.
    """
    wanted = CaptionLook()
    if brand is not None:
        wanted.CopyFrom(brand.captions)
    wanted.MergeFrom(said)
    usual = "block" if style == CAPTION_STYLE_BLOCK else "classic"
    name = wanted.name or usual
    if name not in looks():
        raise LookError(f"name: there is no look {name[:40]!r}; there are {', '.join(looks())}")
    look = CaptionLook()
    look.CopyFrom(looks()[name])
    if brand is not None:
        _recolour(look, brand.colours)
    look.MergeFrom(wanted)
    look.name = name
    if fault := fault_of(look):
        raise LookError(fault)
    if style == CAPTION_STYLE_BLOCK:
        look.spoken_colour = ""
    return look


def _recolour(look: CaptionLook, colours: BrandColours) -> None:
    """The brand's colours where the look has colours; what shows through it keeps."""
    for field, colour in (
        ("colour", colours.text),
        ("spoken_colour", colours.accent),
        ("keyword_colour", colours.accent),
        ("box_colour", colours.background),
    ):
        if colour and (former := getattr(look, field)):
            setattr(look, field, colour + former[7:])
