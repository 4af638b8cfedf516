"""Which version answers a unit of an experiment: the same one each time, in the shares that were set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    version: str
    # Of all arms' together.
    weight: float


@dataclass(frozen=True)
class Split:
    """How an experiment divides units among versions."""

    experiment: str
    arms: Sequence[Arm]


def routed(champion: str, split: Split | None, unit: str) -> str:
    """The version for a unit (a video, a viewer): the champion without an experiment, or for nobody in particular.

    A unit's place, 0 to 1, is a hash of it and of the experiment, so that two experiments divide differently.
    """
    total = sum(arm.weight for arm in split.arms) if split else 0.0
    if split is None or not unit or total <= 0:
        return champion
    digest = hashlib.sha256(f"{split.experiment}\x1f{unit}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64 * total
    for arm in split.arms:
        place -= arm.weight
        if place < 0:
            return arm.version
    return split.arms[-1].version
