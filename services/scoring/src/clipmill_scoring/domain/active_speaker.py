"""Whose voice is heard: of the faces seen while somebody speaks, the one whose mouth moves.

A mouth's opening is sampled only a few times a second, so no lip can be read; but it varies more while its owner
speaks. Each moment's variances are weighed against each other, and against a mouth that rests, for the voice may belong
to nobody who is seen; a hidden Markov model (forward, backward) carries what is known to the moments beside. Where the
voices are known apart (diarization), the face changes with the voice and hardly ever within it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from clipmill_scoring.domain.spans import Spans

STEP_S = 0.2
# Samples this far from a moment tell of it, and how many there must be.
REACH_S = 1.0
FEWEST_SAMPLES = 3
# How much the opening of a mouth that rests seems to vary (standard deviation): for faces 75 pixels wide, .013 to .017.
RESTING = 0.015
# Neighbouring moments rest on the same samples: so much of each moment's evidence is its own.
SHARE = 0.4
# How long somebody speaks, on average.
TURN_S = 5.0
# The same while one voice is known to go on: it is another's only where the diarization errs.
VOICE_TURN_S = 60.0
# How likely another face speaks when another voice does; else both are not seen, or the diarization errs.
CHANGES_WITH_VOICE = 0.9
# Below, it is not said who speaks. A wrong face costs little: without a word on it, the larger one is shown.
SURE = 0.7
# A shorter turn is not worth another picture.
SHORTEST_TURN_S = 1.5
# A change of speakers is put where a phrase begins, if one does so near.
PHRASE_NEAR_S = 1.0

NOBODY = -1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mouth:
    """How far a mouth is open at one time, see MouthSample."""

    time_s: float
    opening: float


@dataclass(frozen=True)
class Turn:
    """Somebody who is seen speaks: `face` is the index among the faces asked for, `confidence` from SURE to 1."""

    start_s: float
    end_s: float
    face: int
    confidence: float


@dataclass(frozen=True)
class Voice:
    """A voice is heard: the same `speaker` is the same person. Two may overlap."""

    start_s: float
    end_s: float
    speaker: int


def turns_of(
    mouths: Sequence[Sequence[Mouth]],
    shot: tuple[float, float],
    speech: Spans,
    phrase_starts_s: Sequence[float] = (),
    voices: Sequence[Voice] = (),
) -> list[Turn]:
    """Who speaks when in `shot`, in order, not overlapping; silent where it is not sure, or no two mouths are seen.

    `mouths` by face; `speech` is where a voice is heard, `voices` whose, where that is known.
    """
    times = np.arange(shot[0] + STEP_S / 2, shot[1], STEP_S)
    inside = [[mouth for mouth in track if shot[0] <= mouth.time_s < shot[1]] for track in mouths]
    voiced = np.zeros(len(times), bool)
    for begin_s, stop_s in speech:
        voiced |= (begin_s <= times) & (times < stop_s)
    spreads = np.array([_spread(track, times) for track in inside]).reshape(len(inside), len(times))
    asked = voiced & (np.isfinite(spreads).sum(axis=0) >= 2)
    if not asked.any():
        return []
    beliefs = _beliefs(spreads, asked, _speakers_at(times, voices))
    best = beliefs.argmax(axis=0)
    sure = asked & (beliefs.max(axis=0) >= SURE) & (best < len(inside))
    changes_s = [voice.start_s for voice in voices] or phrase_starts_s
    return _turns(times, np.where(sure, best, -1), beliefs, changes_s)


def _spread(track: Sequence[Mouth], times: Floats) -> Floats:
    """The standard deviation of the mouth's opening about each of `times`; NaN where too little is seen of it."""
    seen = np.array([(mouth.time_s, mouth.opening) for mouth in track]).reshape(-1, 2)
    begin = np.searchsorted(seen[:, 0], times - REACH_S)
    end = np.searchsorted(seen[:, 0], times + REACH_S, side="right")
    # About their mean, so that nothing is lost in the difference of the sums.
    sums, squares = (
        np.concatenate([[0.0], np.cumsum((seen[:, 1] - seen[:, 1].mean()) ** power)]) if len(seen) else np.zeros(1)
        for power in (1, 2)
    )
    count = end - begin
    variance = (squares[end] - squares[begin] - (sums[end] - sums[begin]) ** 2 / np.maximum(count, 1)) / np.maximum(
        count - 1, 1
    )
    return np.where(count >= FEWEST_SAMPLES, np.sqrt(np.maximum(variance, 0)), np.nan)


def _speakers_at(times: Floats, voices: Sequence[Voice]) -> NDArray[np.int_]:
    """Whose voice is heard at each of `times`; NOBODY where none or more than one is."""
    speakers, count = np.full(len(times), NOBODY), np.zeros(len(times), int)
    for voice in voices:
        inside = (voice.start_s <= times) & (times < voice.end_s)
        speakers[inside] = voice.speaker
        count += inside
    return np.where(count == 1, speakers, NOBODY)


def _moves(speakers: NDArray[np.int_], states: int) -> Iterator[Floats]:
    """For each moment the probabilities of its state given the one before: states x states."""

    def moving(stays: float) -> Floats:
        other = (1 - stays) / (states - 1)
        return np.asarray(np.full((states, states), other) + np.eye(states) * (stays - other), dtype=np.float64)

    usual, held, changed = (
        moving(stays) for stays in (np.exp(-STEP_S / TURN_S), np.exp(-STEP_S / VOICE_TURN_S), 1 - CHANGES_WITH_VOICE)
    )
    last = NOBODY
    for number, speaker in enumerate(speakers.tolist()):
        if speaker == NOBODY:
            yield usual
            continue
        yield (
            held if number and speakers[number - 1] == speaker else changed if last not in (NOBODY, speaker) else usual
        )
        last = speaker


def _beliefs(spreads: Floats, asked: NDArray[np.bool_], speakers: NDArray[np.int_]) -> Floats:
    """The probability of each face, and last of nobody who is seen, at each moment: (faces + 1) x moments."""
    states, moments = len(spreads) + 1, spreads.shape[1]
    # Who is not seen is not heard; evidence only where a voice is.
    seen = np.vstack([np.isfinite(spreads), np.ones(moments, bool)])
    variances = np.vstack([np.nan_to_num(spreads) ** 2, np.full(moments, RESTING**2)])
    likelihood = np.where(seen, np.where(asked, np.maximum(variances, 1e-12) ** SHARE, 1.0), 1e-9)
    moves = list(_moves(speakers, states))
    forward, backward = np.empty((states, moments)), np.ones((states, moments))
    belief = np.full(states, 1 / states)
    for number in range(moments):
        belief = (moves[number] @ belief if number else belief) * likelihood[:, number]
        belief /= belief.sum()
        forward[:, number] = belief
    for number in range(moments - 2, -1, -1):
        after = moves[number + 1] @ (likelihood[:, number + 1] * backward[:, number + 1])
        backward[:, number] = after / after.sum()
    both = forward * backward
    return np.asarray(both / both.sum(axis=0), dtype=np.float64)


def _turns(times: Floats, who: NDArray[np.int_], beliefs: Floats, phrase_starts_s: Sequence[float]) -> list[Turn]:
    """Moments of one speaker after another as turns; pauses between two of the same belong to the turn."""
    turns: list[Turn] = []
    for face, group in groupby(np.flatnonzero(who >= 0), key=lambda number: int(who[number])):
        moments = list(group)
        start_s, end_s = float(times[moments[0]]) - STEP_S / 2, float(times[moments[-1]]) + STEP_S / 2
        if end_s - start_s < SHORTEST_TURN_S:
            continue
        turn = Turn(start_s, end_s, face, float(beliefs[face, moments].mean()))
        if turns and turns[-1].face == face:
            before = turns.pop()
            turn = Turn(before.start_s, end_s, face, (before.confidence + turn.confidence) / 2)
        elif turns:
            before = turns.pop()
            # Between two who are sure lies a while that is not.
            change_s = _at_phrase((before.end_s + start_s) / 2, phrase_starts_s)
            change_s = min(max(change_s, before.start_s), end_s)
            turns.append(Turn(before.start_s, change_s, before.face, before.confidence))
            turn = Turn(change_s, end_s, face, turn.confidence)
        turns.append(turn)
    return turns


def _at_phrase(start_s: float, phrase_starts_s: Sequence[float]) -> float:
    near = [at for at in phrase_starts_s if abs(at - start_s) <= PHRASE_NEAR_S]
    return min(near, key=lambda at: abs(at - start_s), default=start_s)
