"""The crop window's path: still where the face is still, smooth where it moves.

It jumps only where the shot changes, or the speaker to another who is far off: a cut, as an editor would make it, where
a pan would show the wall between them.

A path is solved per take, in the manner of L1-optimal camera paths (Grundmann, Kwatra and Essa, CVPR 2011): a linear
programme whose objective prefers standing to gliding to accelerating, with the face within a dead zone about the
window's middle. The unknowns are the control points of a uniform cubic B-spline, so that bounds on their differences
bound the speed, acceleration and jerk of the whole curve, and bounds on themselves keep it inside the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_render.domain.faces import Face, Shot, Track, followed
from clipmill_render.domain.interest import Interest, striking_middle
from clipmill_render.domain.layout import Layout
from clipmill_render.domain.speakers import Turn

# Per second, in window sizes: a viewer reads a move of this kind as a pan, not as a jerk.
MAX_SPEED = 0.8
MAX_ACCELERATION = 1.6
MAX_JERK = 6.4
# The face may be this far from the window's middle, in window sizes, before the window moves.
DEAD_ZONE = 0.12
# Where the window moves up and down, a face sits above its middle.
HEADROOM = 0.12
# Speakers nearer to each other, in window sizes, are both in the picture: no cut from one to the other.
FAR = 0.5
KNOT_S = 0.2
# The spline begins so much before its shot and lasts so much longer: a shot's first frame may begin, by half of itself,
# before the shot, and were its time held at the shot's, the window would start with a jerk.
MARGIN_S = 0.1
# What the solver minimises: leaving the dead zone for a second costs more than any move.
OUTSIDE_WEIGHT = 100.0
SPEED_WEIGHT, ACCELERATION_WEIGHT, JERK_WEIGHT = 1.0, 0.5, 0.1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Glide:
    """The window's middle through one shot, as a fraction of the picture along the axis on which it moves.

    One control point: it stands still. Else control points of a uniform cubic B-spline with a knot each KNOT_S,
    the first of them one knot before MARGIN_S before the shot. `follows` is false where no face is seen.
    """

    shot: Shot
    controls: tuple[float, ...]
    follows: bool

    def at(self, times_s: Floats) -> Floats:
        """The middle at times inside the shot, or at most MARGIN_S outside."""
        if len(self.controls) == 1:
            return np.full(len(times_s), self.controls[0])
        rows = _spline_rows(times_s - self.shot.start_s + MARGIN_S, len(self.controls))
        return np.asarray(rows @ np.array(self.controls), dtype=np.float64)


@dataclass(frozen=True)
class CropPath:
    """One glide a shot, in order, covering the clip."""

    glides: tuple[Glide, ...]

    @property
    def moves(self) -> bool:
        return any(len(glide.controls) > 1 for glide in self.glides)

    def frames(self, count: int, fps: float) -> Floats:
        """The window's middle in each of `count` frames; a frame belongs to the shot of its (rounded) beginning."""
        middles = np.empty(count)
        for glide in self.glides:
            first, end = round(glide.shot.start_s * fps), min(round(glide.shot.end_s * fps), count)
            times = np.clip(np.arange(first, end) / fps, glide.shot.start_s - MARGIN_S, glide.shot.end_s + MARGIN_S)
            middles[first:end] = glide.at(times)
        last = self.glides[-1]
        covered = min(round(last.shot.end_s * fps), count)
        middles[covered:] = last.at(np.array([last.shot.end_s]))
        return middles

    @property
    def at_centre(self) -> tuple[Shot, ...]:
        """Where the window is at the picture's centre because nobody is seen, neighbours joined."""
        return self._without_face(lambda middle: middle == 0.5)

    @property
    def at_what_strikes(self) -> tuple[Shot, ...]:
        """Where it is elsewhere although nobody is seen, neighbours joined."""
        return self._without_face(lambda middle: middle != 0.5)

    def _without_face(self, where: Callable[[float], bool]) -> tuple[Shot, ...]:
        joined: list[Shot] = []
        for glide in self.glides:
            if glide.follows or not where(glide.controls[0]):
                continue
            if joined and joined[-1].end_s == glide.shot.start_s:
                joined[-1] = Shot(joined[-1].start_s, glide.shot.end_s)
            else:
                joined.append(glide.shot)
        return tuple(joined)


def crop_path(
    layout: Layout,
    shots: Sequence[Shot],
    tracks: Sequence[Track],
    turns: Sequence[Turn] = (),
    interests: Sequence[Interest] = (),
) -> CropPath:
    """The path of `layout`'s window over `shots` (which cover the clip, see joined_shots).

    It shows who speaks where `turns` (in order, each in one shot) tell of it, and what strikes where nobody is seen.
    """
    return CropPath(tuple(glide for shot in shots for glide in glides_in(layout, shot, tracks, turns, interests)))


def glides_in(
    layout: Layout, shot: Shot, tracks: Sequence[Track], turns: Sequence[Turn], interests: Sequence[Interest]
) -> tuple[Glide, ...]:
    """The same in one shot: a glide a take."""
    if layout.is_whole:
        return (Glide(shot, (0.5,), True),)
    return tuple(
        _glide(layout, take, followed(tracks, take, leader), interests)
        for take, leader in _takes(layout, shot, tracks, turns)
    )


def _takes(
    layout: Layout, shot: Shot, tracks: Sequence[Track], turns: Sequence[Turn]
) -> list[tuple[Shot, Track | None]]:
    """The shot, cut where another speaks who is far off, each piece with its speaker."""
    starts: list[float] = [shot.start_s]
    leaders: list[Track | None] = [None]
    for turn in turns:
        if not shot.start_s <= turn.start_s < shot.end_s:
            continue
        speaker = tracks[turn.track]
        before = leaders[-1]
        if before is None:
            leaders[-1] = speaker
        elif _distance(layout, before, speaker) > FAR * layout.window:
            starts.append(turn.start_s)
            leaders.append(speaker)
    takes = [Shot(a, b) for a, b in zip(starts, [*starts[1:], shot.end_s], strict=True)]
    return list(zip(takes, leaders, strict=True))


def _distance(layout: Layout, one: Track, other: Track) -> float:
    """Between the middles of two faces along the axis on which the window moves."""
    a, b = (np.median([f.centre_x if layout.horizontal else f.centre_y for f in track]) for track in (one, other))
    return float(abs(a - b))


def _glide(layout: Layout, shot: Shot, faces: Sequence[Face], interests: Sequence[Interest]) -> Glide:
    if not faces:
        return Glide(shot, (striking_middle(interests, shot, layout.window, horizontal=layout.horizontal),), False)
    middles = [f.centre_x if layout.horizontal else f.centre_y + HEADROOM * layout.window for f in faces]
    return glide_to([f.time_s for f in faces], middles, shot, layout.window)


def glide_to(times_s: Sequence[float], middles: Sequence[float], shot: Shot, window: float) -> Glide:
    """How a window of size `window` follows `middles` at `times_s`, all inside `shot` and in order; at least one."""
    targets = np.clip(np.array(middles), window / 2, 1 - window / 2)
    lowest, highest = targets.min(), targets.max()
    if highest - lowest <= 2 * DEAD_ZONE * window:
        return Glide(shot, (float((lowest + highest) / 2),), True)
    times = np.array(times_s) - shot.start_s + MARGIN_S
    return Glide(shot, _solved(times, targets, shot.end_s - shot.start_s + 2 * MARGIN_S, window), True)


def _solved(times_s: Floats, targets: Floats, duration_s: float, window: float) -> tuple[float, ...]:
    """Control points of the path of least movement that keeps `targets` in the dead zone wherever the limits allow.

    Works in window sizes. Raises RuntimeError when the solver finds nothing, which a feasible programme rules out:
    standing anywhere in the picture fulfils every hard constraint.
    """
    # Loaded here: most shots stand still, and this import takes longer than solving.
    from scipy import sparse  # type: ignore[import-untyped]
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    count = int(np.ceil(duration_s / KNOT_S)) + 3
    at_samples = _spline_rows(times_s, count)
    weights = np.minimum(np.diff(times_s, append=times_s[-1] + KNOT_S), 1.0)
    limits = (MAX_SPEED * KNOT_S, MAX_ACCELERATION * KNOT_S**2, MAX_JERK * KNOT_S**3)
    costs = [SPEED_WEIGHT / KNOT_S, ACCELERATION_WEIGHT / KNOT_S**2, JERK_WEIGHT / KNOT_S**3]

    # Variables: the control points, the distance outside the dead zone at each sample, and for each order of
    # difference its absolute values; each |difference| <= variable is a pair of rows.
    blocks = [sparse.csr_array(at_samples)]
    blocks += [sparse.csr_array(np.diff(np.eye(count), order, axis=0)) for order in (1, 2, 3)]
    rows = sum(block.shape[0] for block in blocks)
    stacked = sparse.vstack(blocks)
    bounded = sparse.vstack(
        [sparse.hstack([stacked, -sparse.eye_array(rows)]), sparse.hstack([-stacked, -sparse.eye_array(rows)])]
    )
    wanted = np.concatenate([targets / window, np.zeros(rows - len(targets))])
    slack = np.concatenate([np.full(len(targets), DEAD_ZONE), np.zeros(rows - len(targets))])
    objective = np.concatenate(
        [
            np.zeros(count),
            OUTSIDE_WEIGHT * weights,
            *(np.full(count - order, cost * KNOT_S) for order, cost in enumerate(costs, 1)),
        ]
    )
    ranges = [(0.5, 1 / window - 0.5)] * count + [(0.0, np.inf)] * len(targets)
    ranges += [(0.0, limit) for order, limit in enumerate(limits, 1) for _ in range(count - order)]
    solved = linprog(
        objective,
        A_ub=bounded,
        b_ub=np.concatenate([wanted + slack, slack - wanted]),
        bounds=ranges,
        method="highs",
    )
    if solved.x is None:
        raise RuntimeError(f"the crop path could not be solved: {solved.message}")
    # The solver is right to 1e-7; the picture's edge is exact.
    return tuple(float(c) for c in np.clip(solved.x[:count] * window, window / 2, 1 - window / 2))


def _spline_rows(times_s: Floats, count: int) -> Floats:
    """Rows of the uniform cubic B-spline basis: values at `times_s` = rows @ control points."""
    knot = np.clip((times_s / KNOT_S).astype(int), 0, count - 4)
    u = times_s / KNOT_S - knot
    rows = np.zeros((len(times_s), count))
    basis = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    for offset, values in enumerate(basis):
        rows[np.arange(len(times_s)), knot + offset] = values / 6
    return rows
