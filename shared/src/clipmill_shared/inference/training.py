"""What a declared trainer gets and gives: "module:function", called in a child as function(TrainingSet, report)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSet:
    """A blob's content, whatever the trainer understands; the same content always makes the same version."""

    content: bytes


@dataclass(frozen=True)
class Trained:
    """The version's artefact (a declared table, as JSON), and what was measured on what was held back."""

    table: bytes
    metrics: Mapping[str, float]
