"""Who is followed: one face at a time, the speaker's; else chosen by how large, how long and how central it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

# A stretch of another face shorter than this is not worth a camera move.
SHORTEST_TURN_S = 2.0
# How far a face counts as the same person found again, in its own widths.
SAME_PLACE_WIDTHS = 1.5
# A sample stands for the time until the next one, but never for longer than this.
LONGEST_SAMPLE_S = 1.0


@dataclass(frozen=True)
class Shot:
    """An unbroken take, in seconds of the clip."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Face:
    """A face at one time of the clip; the box as fractions of the shown picture."""

    time_s: float
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float

    @property
    def centre_x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def centre_y(self) -> float:
        return (self.y0 + self.y1) / 2


Track = Sequence[Face]


def joined_shots(shots: Iterable[tuple[Shot, bool]], duration_s: float) -> list[Shot]:
    """The takes that cover [0, duration_s), from shots that each say whether they begin at a mere seam of the analysis.

    Time that no shot covers belongs to the shot before it.
    """
    starts = {0.0}
    starts.update(shot.start_s for shot, at_seam in shots if not at_seam and 0.0 < shot.start_s < duration_s)
    ordered = sorted(starts)
    return [Shot(a, b) for a, b in zip(ordered, [*ordered[1:], duration_s], strict=True)]


def followed(tracks: Iterable[Track], shot: Shot, leader: Track | None = None) -> list[Face]:
    """The face to keep in the window through `shot`, in order of time; empty when there is none.

    `leader` leads, one of `tracks`, or else the weightiest. Where it is not seen, others step in: at the same place at
    once (the person was lost and found again), elsewhere only for at least SHORTEST_TURN_S. Two faces are never
    averaged, because the middle between two people is a wall.
    """
    seen = [(track is leader, [f for f in track if shot.start_s <= f.time_s < shot.end_s]) for track in tracks]
    chosen: list[list[Face]] = []
    for _, track in sorted((s for s in seen if s[1]), key=lambda s: (s[0], _weight(s[1])), reverse=True):
        chosen.extend(run for run in _runs_outside(track, chosen) if not chosen or _steps_in(run, chosen))
    return sorted((face for run in chosen for face in run), key=lambda face: face.time_s)


def _weight(track: Track) -> float:
    """Height times seconds times confidence, at the picture's edge half of what it is in the middle."""
    steps = [b.time_s - a.time_s for a, b in pairwise(track)]
    spans = [*steps, min(steps, default=LONGEST_SAMPLE_S)]
    return sum(
        (face.y1 - face.y0) * face.confidence * (1 - abs(face.centre_x - 0.5)) * min(span, LONGEST_SAMPLE_S)
        for face, span in zip(track, spans, strict=True)
    )


def _runs_outside(track: Track, chosen: Sequence[Track]) -> list[list[Face]]:
    """The stretches of `track` at times that none of `chosen` spans."""
    runs: list[list[Face]] = [[]]
    for face in track:
        if any(run[0].time_s <= face.time_s <= run[-1].time_s for run in chosen):
            runs.append([])
        else:
            runs[-1].append(face)
    return [run for run in runs if run]


def _steps_in(run: Track, chosen: Sequence[Track]) -> bool:
    if run[-1].time_s - run[0].time_s >= SHORTEST_TURN_S:
        return True
    before = max((c[-1] for c in chosen if c[-1].time_s <= run[0].time_s), key=lambda f: f.time_s, default=None)
    after = min((c[0] for c in chosen if c[0].time_s >= run[-1].time_s), key=lambda f: f.time_s, default=None)
    return (before is not None and _same_place(before, run[0])) or (after is not None and _same_place(after, run[-1]))


def _same_place(a: Face, b: Face) -> bool:
    return abs(a.centre_x - b.centre_x) <= SAME_PLACE_WIDTHS * max(a.x1 - a.x0, b.x1 - b.x0)
