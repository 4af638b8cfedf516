"""Which features are kept of which entity, for how long, and what others' transforms make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np

from clipmill_scoring.domain.features.definition import Columns, Feature
from clipmill_scoring.domain.timeline import Bools, Floats
from clipmill_shared.errors import ClipmillError

# What features are of: all kept candidates of a job, or the clips that it chose.
ENTITIES = ("candidate", "clip")


@dataclass(frozen=True)
class Transform:
    """A feature that is made of others.

    `inputs` names them with the units that it counts on. `measure` gets their columns, a number a candidate of one
    job and NaN where nothing is known, and gives a column as long. NaN is right only where an input is NaN.
    """

    feature: Feature
    inputs: Mapping[str, str]
    measure: Callable[[Columns], Floats]


@dataclass(frozen=True)
class Entity:
    """The features that are kept of an entity, each with its time to live in seconds; `online`: at hand, too."""

    ttl_s: Mapping[str, float]
    online: bool


@dataclass(frozen=True)
class Letter:
    """Values of a column that are not taken: its `rows` (all where a transform failed as a whole), and why."""

    feature: str
    reason: str
    rows: Sequence[int]
    column: Floats


@dataclass(frozen=True)
class Pipeline:
    """`transforms` in the order in which they can be made."""

    entities: Mapping[str, Entity]
    transforms: tuple[Transform, ...]

    def applied(self, found: Columns, definitions: Mapping[str, Feature]) -> tuple[Columns, list[Letter]]:
        """The columns with those of the transforms. What is no value of its feature is set apart, never clipped.

        Its place in the columns is NaN, so that nothing is made of it.
        """
        columns, letters = dict[str, Floats](), list[Letter]()
        for name, values in found.items():
            columns[name], more = _valid(definitions[name], values)
            letters += more
        for transform in self.transforms:
            feature = transform.feature
            made, letter = _made(transform, columns)
            columns[feature.name], more = _valid(feature, made)
            letters += [*([letter] if letter else []), *more]
        return columns, letters


def ordered(transforms: Sequence[Transform], definitions: Mapping[str, Feature]) -> tuple[Transform, ...]:
    """The transforms, each after those it needs.

    Errors: FEATURE_UNKNOWN, FEATURE_UNIT, FEATURE_CYCLE, FEATURE_TWICE.
    """
    by_name: dict[str, Transform] = {}
    for transform in transforms:
        name = transform.feature.name
        if name in by_name or name in definitions:
            raise ClipmillError("FEATURE_TWICE", f"There is more than one feature {name}.", "Give one another name.")
        by_name[name] = transform
    known = dict(definitions) | {name: each.feature for name, each in by_name.items()}
    for name, transform in by_name.items():
        for needed, unit in transform.inputs.items():
            expect(known, needed, unit, f"the transform {name}")
    graph = {name: [n for n in each.inputs if n in by_name] for name, each in by_name.items()}
    try:
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ClipmillError(
            "FEATURE_CYCLE",
            f"These features are made of each other: {' <- '.join(error.args[1])}.",
            "Take one of them out.",
        ) from None


def expect(known: Mapping[str, Feature], name: str, unit: str | None, who: str) -> Feature:
    """The definition of a feature that `who` names. Errors: FEATURE_UNKNOWN, FEATURE_UNIT."""
    if name not in known:
        raise ClipmillError(
            "FEATURE_UNKNOWN", f"{who[:1].upper()}{who[1:]} names a feature {name}, which there is not.",
            f"Known are {', '.join(sorted(known))}.",
        )  # fmt: skip
    if unit is not None and known[name].unit != unit:
        raise ClipmillError(
            "FEATURE_UNIT", f"{who[:1].upper()}{who[1:]} takes {name} in {unit}; it is measured in {known[name].unit}.",
            "Convert it, or correct the unit.",
        )  # fmt: skip
    return known[name]


def _made(transform: Transform, columns: Columns) -> tuple[Floats, Letter | None]:
    """A transform's column, NaN where it may not be taken; and what went wrong."""
    name = transform.feature.name
    inputs = {needed: columns[needed] for needed in transform.inputs if needed in columns}
    size = len(next(iter(columns.values()), ()))
    nothing = np.full(size, np.nan)
    if len(inputs) < len(transform.inputs):
        # Measured only where something was asked for.
        return nothing, None
    try:
        made = np.array(transform.measure({n: column.copy() for n, column in inputs.items()}), dtype=np.float64)
        if made.shape != (size,):
            raise ValueError(f"{size} values are due, it gave an array of shape {made.shape}")
    except Exception as error:
        # What others wrote may raise anything; it is told, and the rest goes on.
        reason = f"TRANSFORM_RAISED: {type(error).__name__}: {error}"[:300]
        return nothing, Letter(name, reason, range(size), nothing)
    unknown: Bools = (
        np.any([np.isnan(column) for column in inputs.values()], axis=0) if inputs else np.zeros(size, bool)
    )
    wrong = np.isnan(made) & ~unknown
    return made, _letter(name, "TRANSFORM_GAVE_NAN", wrong, made) if wrong.any() else None


def _valid(feature: Feature, values: Floats) -> tuple[Floats, list[Letter]]:
    wrong = ~np.isnan(values) & ~((values >= feature.low) & (values <= feature.high) & np.isfinite(values))
    if not wrong.any():
        return values, []
    return np.where(wrong, np.nan, values), [_letter(feature.name, "OUT_OF_RANGE", wrong, values)]


def _letter(name: str, reason: str, wrong: Bools, values: Floats) -> Letter:
    return Letter(name, reason, np.flatnonzero(wrong).tolist(), values)
