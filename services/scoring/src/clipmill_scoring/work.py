"""What runs in the child: chooses the clips of a video."""

from __future__ import annotations

import os

from clipmill_scoring.exchange import Chosen, Request
from clipmill_shared.compute import Report

# One thread a slot, as everywhere. Read when numpy is imported, hence the late imports.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def choose_clips(request: Request, _report: Report) -> Chosen:
    """Choose as the task asks."""
    from clipmill_scoring.domain.choose import choose
    from clipmill_scoring.domain.shortage import Ask
    from clipmill_scoring.domain.timeline import merge
    from clipmill_scoring.models.sentences import Sentences, knows

    task = request.task
    timeline = merge(task.info.duration_s, request.audio, request.vision)
    sentences = Sentences()
    choice = choose(
        task.video_id,
        timeline,
        Ask(task.clips, task.min_s, task.max_s),
        sentences.embed if knows(timeline.language) else None,
    )
    return Chosen(choice, sentences.was_used)
