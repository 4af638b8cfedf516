"""Which transcript of a video is the one to show, and which of its words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from clipmill.audio.v1.audio_pb2 import SpeakerTurn, Word
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.sound_events import LEAST_S
from clipmill.turns import NEAR_S, speaker_of

# Ends of parts differ by rounding at most.
SAME_S = 0.001


@dataclass(frozen=True)
class HeardPart:
    """A part that a job has heard; times in seconds on the video's clock, `heard_at` in seconds since the epoch."""

    job_id: str
    start_s: float
    end_s: float
    heard_at: float
    analysis: BlobRef


def fullest(parts: Iterable[HeardPart], span: TimeRange | None = None) -> list[HeardPart]:
    """The parts of the job that heard most of `span`, or of the video (the latest of several), in order.

    Never parts of two jobs: they may have split the video in different places, and words would come twice.
    """
    by_job: dict[str, list[HeardPart]] = defaultdict(list)
    for part in parts:
        by_job[part.job_id].append(part)
    if not by_job:
        return []
    best = max(by_job.values(), key=lambda of: (round(_heard_s(of, span), 3), max(p.heard_at for p in of)))
    return sorted(best, key=lambda part: part.start_s)


def covers(parts: Sequence[HeardPart], audio_s: float, span: TimeRange | None = None) -> bool:
    """True when `parts` of one job are all of `audio_s` seconds of sound, or of what of it lies in `span`."""
    wanted_s = min(audio_s, span.end_s) - max(0.0, span.start_s) if span else audio_s
    return _heard_s(parts, span) >= wanted_s - SAME_S


def touches(thing: HeardPart | Word | TimeRange, span: TimeRange | None) -> bool:
    """Whether some of it lies in `span`; everything does without one."""
    return span is None or (thing.end_s > span.start_s and thing.start_s < span.end_s)


def touching(parts: Sequence[HeardPart], span: TimeRange | None) -> list[HeardPart]:
    """The parts that touch `span`; all of them without one."""
    return [part for part in parts if touches(part, span)]


def with_edges(span: TimeRange | None) -> TimeRange | None:
    """`span` with what is around it: an event that a part's edge cuts is told by both of its pieces."""
    around_s = max(LEAST_S.values())
    return span and TimeRange(start_s=span.start_s - around_s, end_s=span.end_s + around_s)


def words_in(words: Iterable[Word], span: TimeRange | None) -> list[Word]:
    """The words that touch `span`; all of them without one."""
    return [word for word in words if touches(word, span)]


def with_speakers(words: Sequence[Word], turns: Sequence[SpeakerTurn]) -> Sequence[Word]:
    """The words in order of time, each with who says it; `turns` of the whole video, in order of their start."""
    starts_s = [turn.range.start_s for turn in turns]
    latest_ends_s = list(accumulate((turn.range.end_s for turn in turns), max))
    for word in words:
        # Of hours of turns, only those that come near.
        near = turns[bisect_left(latest_ends_s, word.start_s - NEAR_S) : bisect_right(starts_s, word.end_s + NEAR_S)]
        if (speaker := speaker_of(word, near)) is not None:
            word.speaker = speaker
    return words


def _heard_s(parts: Iterable[HeardPart], span: TimeRange | None) -> float:
    if span is None:
        return sum(part.end_s - part.start_s for part in parts)
    return sum(max(0.0, min(part.end_s, span.end_s) - max(part.start_s, span.start_s)) for part in parts)
