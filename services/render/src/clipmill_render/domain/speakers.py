"""Who speaks of those who are seen, as the job's scoring found it."""

from __future__ import annotations

from dataclasses import dataclass

from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import Cast
from clipmill_render.domain.clock import Seen


@dataclass(frozen=True)
class Turn:
    """Somebody who is seen speaks, in seconds of the clip: `track` is the face's index, `confidence` 0 to 1."""

    start_s: float
    end_s: float
    track: int
    confidence: float


def turns_in(clip: TimeRange, seen: Seen, cast: Cast | None) -> list[Turn]:
    """Which of the clip's tracks speaks when, in order, each in one shot; none where that is not known."""
    tracks = {name: track for track, name in enumerate(seen.names)}
    return [
        Turn(
            max(turn.range.start_s, clip.start_s) - clip.start_s,
            min(turn.range.end_s, clip.end_s) - clip.start_s,
            tracks[name],
            turn.confidence,
        )
        for turn in (cast.turns if cast is not None else ())
        if (name := (turn.part_start_s, turn.track)) in tracks
        and turn.range.start_s < clip.end_s
        and turn.range.end_s > clip.start_s
    ]
