"""What a declared trainer gets and gives: "module:function", called in a child as function(TrainingSet, report)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainingSet:
    """A blob's content, whatever the trainer understands; the same content always makes the same version."""

    content: bytes
    # A trainer takes no more; TRAINING_SET_UNFIT.
    max_rows: int = sys.maxsize


@dataclass(frozen=True)
class Trained:
    """The version's artefact (a declared table, as JSON), and what was measured on what was held back.

    `lineage` says where the `rows` of the training set come from, in words; the set itself is known by its hash.
    """

    table: bytes
    metrics: Mapping[str, float]
    rows: int = 0
    lineage: Mapping[str, str] = field(default_factory=dict)
