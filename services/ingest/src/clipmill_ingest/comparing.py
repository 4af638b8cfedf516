"""Compares recordings by their fingerprints, in the child process."""

from __future__ import annotations

import numpy as np

from clipmill.common.v1.common_pb2 import TimeRange, Twin
from clipmill.media.v1.media_pb2 import Likeness, SharedPart
from clipmill_ingest.domain.fingerprint import Prints, sketch
from clipmill_ingest.domain.likeness import LEAST_VOTES, SharedSpan, likeness, shared_spans, votes
from clipmill_ingest.domain.parts import Span
from clipmill_ingest.exchange import Candidates, LikenessRequest, SketchesRequest

MOST_CANDIDATES = 3


def packed(prints: Prints) -> bytes:
    """As fingerprints and sketches are kept."""
    return prints.astype("<u4").tobytes()


def candidates(request: SketchesRequest) -> Candidates:
    mine = sketch(_prints(request.fingerprint))
    counted = [(*votes(mine, _prints(other).reshape(2, -1)), number) for number, other in enumerate(request.sketches)]
    likely = sorted((each for each in counted if each[0] >= LEAST_VOTES), reverse=True)[:MOST_CANDIDATES]
    return Candidates([(number, offset) for _, offset, number in likely], packed(mine))


def compared(request: LikenessRequest) -> Likeness | None:
    found = likeness(_prints(request.fingerprint), _prints(request.other), request.offset)
    if found is None:
        return None

    others = [Span(part.start_s, part.end_s) for part in request.other_audio_parts]
    spans = shared_spans(others, found.offset_s, request.duration_s)
    return Likeness(agreement=found.agreement, audio_parts=[_shared(each, found.offset_s) for each in spans])


def _shared(span: SharedSpan, offset_s: float) -> SharedPart:
    part = SharedPart(part=_range(span.here))
    if span.there:
        part.twin.CopyFrom(Twin(part=_range(span.there), offset_s=offset_s))
    return part


def _range(span: Span) -> TimeRange:
    return TimeRange(start_s=span.start_s, end_s=span.end_s)


def _prints(content: bytes) -> Prints:
    return np.frombuffer(content, "<u4").astype(np.uint32)
