"""What runs in the child: chooses the clips of a video."""

from __future__ import annotations

import importlib
import os
from dataclasses import replace

# One thread a slot, as everywhere. Read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from clipmill_models.clip_scorer import Scorer
from clipmill_scoring.domain.choose import choose_among
from clipmill_scoring.domain.registered import weights_from
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.spans import merged
from clipmill_scoring.domain.timeline import merge
from clipmill_scoring.exchange import Chosen, Request
from clipmill_scoring.explained import without_coarse
from clipmill_scoring.models.sentences import Sentences, knows, prepare
from clipmill_scoring.models.valence import valences
from clipmill_scoring.seeing import cast_of
from clipmill_scoring.speaking import diarization_of
from clipmill_scoring.tabled import genre_name, message_of, sample_of
from clipmill_shared.compute import Report
from clipmill_shared.inference.apart import with_models

# Candidates that are kept of a job, the best: 3 MB.
MAX_KEPT = 10_000

# Nearly every task asks for more than one clip, and so for these; a child is started before its task is there.
prepare()
importlib.import_module("scipy.optimize")


@with_models
def choose_clips(request: Request, _report: Report) -> Chosen:
    """Choose as the task asks."""
    task = request.task
    diarization = diarization_of(request.audio, task.speakers)
    timeline = merge(task.info.duration_s, request.audio, request.vision, diarization)
    sentences = Sentences()
    described = any(shot.text for shot in timeline.shots)
    # Descriptions are asked for in English.
    embed = sentences.embed if knows(timeline.language or ("en" if described else "")) else None
    ranges = merged((span.start_s, span.end_s) for span in task.ranges)
    ask = Ask(task.clips, task.min_s, task.max_s, task.about, ranges, genre_name(task.genre))
    weights = weights_from(Scorer.read(request.weights) if request.weights else None)
    choice, ranking = choose_among(task.video_id, timeline, ask, embed, valences(), weights=weights)
    if task.masking:
        choice = replace(choice, clips=tuple(without_coarse(clip, timeline.language) for clip in choice.clips))
    kept = sample = b""
    if request.keeps_candidates:
        kept = message_of(ranking.table.best(ranking.score, MAX_KEPT), task).SerializeToString()
        sample = sample_of(ranking).SerializeToString()
    cast = cast_of(request.vision, request.audio, diarization)
    return Chosen(
        choice,
        sentences.was_used,
        kept,
        diarization.SerializeToString() if diarization else b"",
        cast.SerializeToString() if cast else b"",
        tuple((shot.start_s, shot.end_s, shot.text) for shot in timeline.shots if shot.text),
        sample,
    )
