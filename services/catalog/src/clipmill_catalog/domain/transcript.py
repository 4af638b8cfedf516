"""Which transcript of a video is the one to show, and which of its words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clipmill.audio.v1.audio_pb2 import Word
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange


@dataclass(frozen=True)
class HeardPart:
    """A part that a job has heard; times in seconds on the video's clock, `heard_at` in seconds since the epoch."""

    job_id: str
    start_s: float
    end_s: float
    heard_at: float
    analysis: BlobRef


def fullest(parts: Iterable[HeardPart]) -> list[HeardPart]:
    """The parts of the job that heard most of the video (the latest of several), in order.

    Never parts of two jobs: they may have split the video in different places, and words would come twice.
    """
    by_job: dict[str, list[HeardPart]] = defaultdict(list)
    for part in parts:
        by_job[part.job_id].append(part)
    if not by_job:
        return []
    best = max(by_job.values(), key=lambda of: (round(sum(p.end_s - p.start_s for p in of), 3), of[0].heard_at))
    return sorted(best, key=lambda part: part.start_s)


def touching(parts: Sequence[HeardPart], span: TimeRange | None) -> list[HeardPart]:
    """The parts that touch `span`; all of them without one."""
    return [part for part in parts if span is None or (part.end_s > span.start_s and part.start_s < span.end_s)]


def words_in(words: Iterable[Word], span: TimeRange | None) -> list[Word]:
    """The words that touch `span`; all of them without one."""
    return [word for word in words if span is None or (word.end_s > span.start_s and word.start_s < span.end_s)]
