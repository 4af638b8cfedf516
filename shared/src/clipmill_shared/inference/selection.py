"""Which of a model's versions a job gets: by its profile, and by what a call may take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clipmill.common.v1.common_pb2 import PROFILE_BEST, PROFILE_FAST, Profile
from clipmill.models.v1.models_pb2 import (
    ALIAS_CHAMPION,
    ALIAS_HEAVY,
    ALIAS_LIGHT,
    Alias,
    ModelAliases,
    PinnedVersion,
    Version,
)
from clipmill_shared.cautions import PINNED

# From the largest to the smallest.
SIZES = (ALIAS_HEAVY, ALIAS_CHAMPION, ALIAS_LIGHT)
NAMES = {ALIAS_HEAVY: "the heavy version", ALIAS_CHAMPION: "the champion", ALIAS_LIGHT: "the light version"}


@dataclass(frozen=True)
class Budget:
    """What a call of one row may take at most; None: as much as it does."""

    infer_s: float | None = None
    memory_bytes: int | None = None

    def exceeded_by(self, version: Version) -> str:
        """How, in words; "" for a version that fits, or was never measured."""
        figures = version.figures
        if self.infer_s is not None and figures.infer_s > self.infer_s:
            return f"takes {figures.infer_s:.3g} s a call, of {self.infer_s:.3g}"
        if self.memory_bytes is not None and figures.memory_bytes > self.memory_bytes:
            return f"takes {figures.memory_bytes >> 20} MiB, of {self.memory_bytes >> 20}"
        return ""


def pin_of(told: ModelAliases, profile: Profile.ValueType, budget: Budget) -> PinnedVersion | None:
    """The version for a job that is admitted now, with its stand-ins; None of a model without a champion.

    A packaged one is pinned, too: a worker may have the package of another release.
    """
    there = {each.alias: each.version for each in told.assigned}
    if ALIAS_CHAMPION not in there:
        return None
    wanted = {PROFILE_FAST: ALIAS_LIGHT, PROFILE_BEST: ALIAS_HEAVY}.get(profile, ALIAS_CHAMPION)
    if wanted not in there:
        wanted = ALIAS_CHAMPION
    alias, why = _within(there, wanted, budget)
    chosen, champion = there[alias], there[ALIAS_CHAMPION]
    said = PINNED if alias == ALIAS_CHAMPION else f"{NAMES[alias]}, for profile {Profile.Name(profile)[8:].lower()}"
    pinned = _bare(chosen)
    pinned.reason = why or said
    if alias != ALIAS_LIGHT and ALIAS_LIGHT in there:
        pinned.smaller.CopyFrom(_bare(there[ALIAS_LIGHT]))
    earlier = told.previous if alias == ALIAS_CHAMPION else champion
    if earlier.version not in ("", chosen.version):
        pinned.earlier.CopyFrom(_bare(earlier))
    return pinned


def _within(
    there: Mapping[Alias.ValueType, Version], wanted: Alias.ValueType, budget: Budget
) -> tuple[Alias.ValueType, str]:
    """The largest from `wanted` down that fits, and why it is not that; the smallest where none does."""
    smaller = [alias for alias in SIZES[SIZES.index(wanted) :] if alias in there]
    for alias in smaller:
        if not budget.exceeded_by(there[alias]):
            break
    else:
        alias = smaller[-1]
    too_much = budget.exceeded_by(there[wanted])
    if not too_much:
        return wanted, ""
    if alias == wanted:
        return alias, f"{NAMES[wanted]} {too_much}, and there is no smaller one"
    return alias, f"{NAMES[alias]}: {NAMES[wanted]} {too_much}"


def _bare(version: Version) -> PinnedVersion:
    return PinnedVersion(
        model=version.model,
        version=version.version,
        definition=version.definition,
        artefact=version.artefact if version.HasField("artefact") else None,
    )
