"""The clip scorer's trainer: its weights, fitted to what became of clips. Runs in a child of the registry.

A Bayesian logistic regression from the weights set by hand (domain/preferences.py): few outcomes move them little. A
fifth of the clips is held back, by a hash of their vectors, and both weights are measured on it.
"""

from __future__ import annotations

import hashlib

import numpy as np

from clipmill.scoring.v1.scoring_pb2 import OutcomeTable
from clipmill_models.clip_scorer import Points, Scorer
from clipmill_scoring.domain import preferences as rules
from clipmill_scoring.domain.formula import BASE
from clipmill_scoring.domain.preferences import Preferences
from clipmill_scoring.domain.timeline import Floats
from clipmill_shared.compute import Report
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.training import Trained, TrainingSet

# Below it a difference on what is held back says nothing.
MIN_CLIPS = 100
HELD_BACK = 5


def train(request: TrainingSet, report: Report) -> Trained:
    """The registry's entry point. Error: TRAINING_SET_UNFIT."""
    table = OutcomeTable.FromString(request.content)
    if len(table.good) < MIN_CLIPS:
        raise ClipmillError(
            "TRAINING_SET_UNFIT",
            f"Of {len(table.good)} clips it is known what became of them; {MIN_CLIPS} are needed.",
            "Wait until more has been watched.",
        )
    if len(table.good) > request.max_rows:
        raise ClipmillError(
            "TRAINING_SET_UNFIT",
            f"The training set has {len(table.good)} rows, more than {request.max_rows}.",
            "Train on fewer, or raise CLIPMILL_MODELS_TRAIN_MAX_ROWS.",
        )
    vectors = np.array(table.vectors).reshape(len(table.good), len(table.names) + 1)
    clips = np.array([rules.aligned(table.names, row) for row in vectors])
    good, weight = np.array(table.good), np.array(table.weight)
    held = np.array([hashlib.sha256(row.tobytes()).digest()[0] % HELD_BACK == 0 for row in vectors])
    plain = rules.prior()
    learned = plain
    taught = np.flatnonzero(~held)
    for done, k in enumerate(taught):
        learned = rules.updated(learned, clips[k], float(good[k]), float(weight[k]))
        report(done / len(taught))
    weights = rules.learned_weights(learned)
    scorer = Scorer(BASE, {name: Points(w.points, w.typical, w.span) for name, w in weights.items()})
    metrics = {"clips": float(len(good)), "held_back": float(held.sum())}
    for name, belief in (("log_loss", learned), ("log_loss_of_plain", plain)):
        metrics[name] = _log_loss(belief, clips[held], good[held], weight[held])
    lineage = {
        "rows": "clips whose outcomes were known, the newest, one owner's",
        "features": " ".join(table.names),
        "formula": table.formula_version,
        "exported": table.exported_at.ToJsonString(),
    }
    return Trained(scorer.written(), metrics, len(good), lineage)


def _log_loss(belief: Preferences, clips: Floats, good: Floats, weight: Floats) -> float:
    """The mean of what each outcome surprises, in nats, by its weight; lower is better."""
    chance = np.clip(belief.chance(clips), 1e-9, 1 - 1e-9)
    surprise = -(good * np.log(chance) + (1 - good) * np.log(1 - chance))
    return float(np.average(surprise, weights=weight)) if len(good) else 0.0
