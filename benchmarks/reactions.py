"""Does the text part of the score find where real audiences laughed and applauded? Protocol: shared/data/DATA.md.

Measured with the formula as it ships; nothing here trains, fits or chooses anything. The data lies beside the
project, not in it: `CLIPMILL_REACTIONS` names another file of the same form. Without data the benchmark says so.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clipmill_scoring.domain.formula import FORMULA_VERSION
from clipmill_scoring.domain.text import text_points
from numpy.typing import NDArray

DATA = Path(
    os.environ.get("CLIPMILL_REACTIONS", Path(__file__).resolve().parents[2] / "shared" / "data" / "reactions.jsonl.gz")
)
UNIT_LINES = 6
LEFT_OUT_AT_END = 0.05
TOP = 0.1


@dataclass(frozen=True)
class Talk:
    """A talk cut into units: their texts, and whether the audience reacted."""

    texts: list[str]
    reacted: NDArray[np.bool_]


def units(lines: list[str], after_lines: list[int]) -> Talk:
    """Runs of six lines; positive with a reaction within or after the next line; the last 5% of lines left out."""
    used = int(len(lines) * (1 - LEFT_OUT_AT_END))
    begins = range(0, used - UNIT_LINES + 1, UNIT_LINES)
    return Talk(
        [" ".join(lines[begin : begin + UNIT_LINES]) for begin in begins],
        np.array([any(begin <= after <= begin + UNIT_LINES for after in after_lines) for begin in begins]),
    )


def auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The chance that a positive scores above a negative, ties counted half."""
    above = scores[positive][:, None] - scores[~positive][None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def lift(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The share of positives in the top tenth over that of all; units with equal scores in the order of the talk."""
    top = np.argsort(-scores, kind="stable")[: max(1, round(TOP * len(scores)))]
    return float(positive[top].mean() / positive.mean())


def main() -> int:
    """Print one JSON object."""
    if not DATA.exists():
        print(json.dumps({"benchmark": "reactions", "skipped": f"{DATA} is not there"}))
        return 0
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        talks = [json.loads(line) for line in file]
    aucs, lifts, one_sided = [], [], 0
    for talk in talks:
        cut = units(talk["lines"], [reaction["after_line"] for reaction in talk["reactions"]])
        if not cut.reacted.any() or cut.reacted.all():
            one_sided += 1
            continue
        scores = np.array(text_points(cut.texts))
        aucs.append(auc(scores, cut.reacted))
        lifts.append(lift(scores, cut.reacted))
    print(
        json.dumps(
            {
                "benchmark": "reactions",
                "formula_version": FORMULA_VERSION,
                "talks": len(aucs),
                "skipped_talks_without_or_with_only_reactions": one_sided,
                "auc": round(float(np.mean(aucs)), 4),
                "auc_standard_error": round(float(np.std(aucs) / len(aucs) ** 0.5), 4),
                "lift": round(float(np.mean(lifts)), 3),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
