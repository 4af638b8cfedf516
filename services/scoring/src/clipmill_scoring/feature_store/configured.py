"""The pipeline that a YAML file describes, and others' transforms by their entry points. Read once, at the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipmill_scoring.domain.features.definition import Feature
from clipmill_scoring.domain.features.registry import BY_NAME
from clipmill_scoring.domain.pipeline import ENTITIES, Entity, Pipeline, Transform, expect, ordered
from clipmill_shared.errors import ClipmillError

# A package's `[project.entry-points."clipmill.features"]` names its transforms.
GROUP = "clipmill.features"
DEFAULT = Path(__file__).parent / "default.yaml"
DAY_S = 86_400.0
MAX_TRANSFORMS = 100


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Kept(_Model):
    name: str
    unit: str | None = None
    ttl_d: float | None = Field(None, gt=0)


class _Entity(_Model):
    features: Literal["all"] | list[str | _Kept]
    ttl_d: float = Field(gt=0)
    online: bool = False


class _File(_Model):
    entities: dict[str, _Entity]
    transforms: list[str] = Field(default=[], max_length=MAX_TRANSFORMS)


@dataclass(frozen=True)
class Source:
    """A features' file as it was at the start."""

    path: str
    text: str


def source(file: Path | None) -> Source:
    """The file; None: the one that ships. Error: FEATURES_FILE."""
    path = file or DEFAULT
    try:
        return Source(str(path), path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(str(path), f"it cannot be read ({error})") from None


@lru_cache(maxsize=4)
def configured(of: Source) -> Pipeline:
    """The pipeline that a file describes. Errors: FEATURES_FILE, FEATURE_TRANSFORM, and those of `ordered`."""
    content = _parsed(of)
    if unknown := sorted(set(content.entities) - set(ENTITIES)):
        raise _wrong(of.path, f"there is no entity {unknown[0]}; there are {' and '.join(ENTITIES)}")
    transforms = ordered(_loaded(content.transforms), BY_NAME)
    known = definitions(transforms)
    entities = {name: _entity(name, entity, known) for name, entity in content.entities.items()}
    return Pipeline(entities, transforms)


def definitions(transforms: Iterable[Transform]) -> dict[str, Feature]:
    """All features by name, the transforms' too."""
    return dict(BY_NAME) | {each.feature.name: each.feature for each in transforms}


def _entity(name: str, entity: _Entity, known: Mapping[str, Feature]) -> Entity:
    ttl_s = entity.ttl_d * DAY_S
    if entity.features == "all":
        return Entity(dict.fromkeys(known, ttl_s), entity.online)
    kept = [_Kept(name=each) if isinstance(each, str) else each for each in entity.features]
    who = f"the entity {name}"
    return Entity(
        {expect(known, k.name, k.unit, who).name: k.ttl_d * DAY_S if k.ttl_d else ttl_s for k in kept}, entity.online
    )


def _parsed(of: Source) -> _File:
    try:
        return _File.model_validate(yaml.safe_load(of.text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _wrong(of.path, f"{where}: {first['msg']}" if where else first["msg"]) from None
    except yaml.YAMLError as error:
        raise _wrong(of.path, " ".join(str(error).split())) from None


def _wrong(path: str, why: str) -> ClipmillError:
    return ClipmillError("FEATURES_FILE", f"The features' file {path}: {why}.", "Correct it: docs/features.md.")


def _loaded(names: Iterable[str]) -> list[Transform]:
    """Only those that the file names are imported."""
    there = {each.name: each for each in entry_points(group=GROUP)}
    return [_transform(name, there) for name in names]


def _transform(name: str, there: Mapping[str, EntryPoint]) -> Transform:
    if name not in there:
        raise ClipmillError(
            "FEATURE_TRANSFORM",
            f"No installed package has an entry point {name} in {GROUP}.",
            f"Install it; there are {', '.join(sorted(there)) or 'none'}.",
        )
    try:
        loaded = there[name].load()
    except Exception as error:
        raise _broken(name, f"{type(error).__name__}: {error}") from error
    if not isinstance(loaded, Transform):
        raise _broken(name, f"{there[name].value} is no clipmill_scoring.domain.pipeline.Transform")
    return loaded


def _broken(name: str, why: str) -> ClipmillError:
    return ClipmillError(
        "FEATURE_TRANSFORM", f"The transform {name} cannot be loaded: {why[:300]}.", "Correct its package."
    )
