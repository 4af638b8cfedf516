"""The clip scorer: a base, and what each feature adds to it. Its weights are a declared table, that a trainer makes.

{"base": 50, "features": {"hook": {"points": 6.0, "typical": 0.4, "span": 0.6}, ...}}

Without a version of the registry the service scoring has weights of its own, set by hand: so this has none, and no
package brings it along.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from clipmill_shared.inference.definition import Batching, Card, Definition, Infer, Signature, Tensor, Tensors


@dataclass(frozen=True)
class Points:
    """What a feature adds at most, and between which of its values."""

    points: float
    typical: float
    span: float


@dataclass(frozen=True)
class Scorer:
    base: float
    features: Mapping[str, Points]

    @classmethod
    def read(cls, content: bytes) -> Scorer:
        """ValueError for a table that is none of a scorer's."""
        table = json.loads(content)
        try:
            features = {
                str(name): Points(float(row["points"]), float(row["typical"]), float(row["span"]))
                for name, row in table["features"].items()
            }
            scorer = cls(float(table["base"]), features)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no table of a clip scorer: {error!r}") from None
        numbers = (n for each in features.values() for n in (each.points, each.typical, each.span))
        if not all(map(math.isfinite, (scorer.base, *numbers))) or any(each.span <= 0 for each in features.values()):
            raise ValueError("a clip scorer's numbers are finite, and its spans above 0")
        return scorer

    def written(self) -> bytes:
        """The table."""
        features = {name: vars(points) for name, points in self.features.items()}
        return json.dumps({"base": self.base, "features": features}, indent=1).encode()


@lru_cache(maxsize=8)
def _scorer(path: Path) -> Scorer:
    """Of a version, which never changes."""
    return Scorer.read(path.read_bytes())


def features_from(path: Path, inputs: Tensors) -> Sequence[str]:
    """Those that the table has points for and whose value is known, in any row."""
    scorer = _scorer(path)
    pairs = zip(inputs["names"].ravel(), inputs["values"].ravel().tolist(), strict=True)
    return tuple(
        dict.fromkeys(_text(name) for name, value in pairs if _text(name) in scorer.features and not math.isnan(value))
    )


def load_from(path: Path) -> Infer:
    scorer = _scorer(path)

    def infer(inputs: Tensors) -> Tensors:
        scores = np.empty((len(inputs["names"]), 1), np.float32)
        for row, (names, values) in enumerate(zip(inputs["names"], inputs["values"], strict=True)):
            scores[row] = scorer.base + sum(map(_added, map(scorer.features.get, map(_text, names)), values.tolist()))
        return {"score": scores}

    return infer


def _text(name: bytes) -> str:
    return name.decode()


def _added(points: Points | None, value: float) -> float:
    """0 for a feature that it does not know, or whose value nobody knows."""
    if points is None or math.isnan(value):
        return 0.0
    return points.points * min(1.0, max(-1.0, (value - points.typical) / points.span))


def _no_weights() -> Infer:
    raise LookupError("the clip scorer has no weights of its own: register a version of it")


MODEL = Definition(
    name="clip_scorer",
    version="none",
    # Of a candidate: its features' names and values.
    signature=Signature(
        (Tensor("names", "BYTES", (-1,)), Tensor("values", "FP32", (-1,))), (Tensor("score", "FP32", (1,)),)
    ),
    reference="clipmill_models.clip_scorer:MODEL",
    load=_no_weights,
    example=lambda: {"names": np.array([[b"hook"]], object), "values": np.array([[0.5]], np.float32)},
    card=Card("scoring", "The clip scorer's weights", "Apache-2.0", "trained on engagement", (), {}),
    batching=Batching(max_rows=256),
    load_from=load_from,
    features_from=features_from,
)
