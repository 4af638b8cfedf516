"""Who is seen in a whole video, whose voice is whose, and who of those who are seen speaks.

That a mouth moves tells of a moment (active_speaker); that a voice is heard where a face's mouth moves, or where it is
the only face, tells through the video whose voice it is; and that in turn who speaks where no mouth told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill.people import people_of
from clipmill.vision.v1.vision_pb2 import FaceTrack, VisionAnalysis
from clipmill_scoring.domain.active_speaker import SHORTEST_TURN_S, STEP_S, Mouth, Voice, turns_of
from clipmill_scoring.domain.spans import Spans, merged

# A face that is searched twice a second was in sight until the next search, or its shot's end.
SEEN_AFTER_S = 0.5
# What a moment with a single face tells of whose voice is heard, against one whose mouth moves: the camera may show who
# listens, or nobody who speaks.
LONE = 0.5
# Fewer seconds tell nothing; and so much of the voice's and of the face's must say the same.
LEAST_S = 5.0
AGREED = 0.6

NONE = 0

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sight:
    """One face through one shot: `track` of the part that begins at `part_start_s`; `person` from 1, 0 for nobody."""

    part_start_s: float
    track: int
    person: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class FaceTurn:
    """The face of `sight` speaks; `confidence` 0 to 1."""

    start_s: float
    end_s: float
    sight: Sight
    confidence: float


@dataclass(frozen=True)
class Member:
    """Somebody who is seen in `spans`; `speaker` as in the diarization, 0 where that is not known."""

    person: int
    spans: Spans
    speaker: int
    confidence: float


@dataclass(frozen=True)
class Cast:
    """Members by number; turns in order, not overlapping."""

    members: tuple[Member, ...]
    turns: tuple[FaceTurn, ...]


def cast_of(
    parts: Sequence[VisionAnalysis], speech: Spans, voices: Sequence[Voice] = (), phrase_starts_s: Sequence[float] = ()
) -> Cast | None:
    """The cast, from the parts' analyses in order; None where no face is seen.

    `speech` is where a voice is heard, `voices` whose, where they were told apart for certain.
    """
    sights: list[Sight] = []
    turns: list[FaceTurn] = []
    for part, persons in zip(parts, people_of(parts), strict=True):
        for shot in ((shot.range.start_s, shot.range.end_s) for shot in part.shots):
            tracks = [t for t in part.face_tracks if t.samples and shot[0] <= t.samples[0].time_s < shot[1]]
            here = [_sight(track, part, persons, shot[1]) for track in tracks]
            sights += here
            mouths = [[Mouth(mouth.time_s, mouth.opening) for mouth in track.mouths] for track in tracks]
            if any(mouths):
                heard = [voice for voice in voices if voice.start_s < shot[1] and voice.end_s > shot[0]]
                turns += [
                    FaceTurn(turn.start_s, turn.end_s, here[turn.face], turn.confidence)
                    for turn in turns_of(mouths, shot, speech, phrase_starts_s, heard)
                ]
    if not sights:
        return None
    who = _Moments(sights, turns, voices)
    whose = who.voices_of_people()
    said = sorted((*turns, *who.told_by_voice(whose)), key=lambda turn: turn.start_s)
    people = sorted({sight.person for sight in sights} - {NONE})
    return Cast(tuple(_member(person, sights, whose) for person in people), tuple(said))


def _sight(track: FaceTrack, part: VisionAnalysis, persons: dict[int, int], shot_end_s: float) -> Sight:
    person = persons.get(track.person, NONE) if track.HasField("person") else NONE
    last_s = min(track.samples[-1].time_s + SEEN_AFTER_S, shot_end_s)
    return Sight(part.part.start_s, track.track, person, track.samples[0].time_s, last_s)


def _member(person: int, sights: Sequence[Sight], whose: dict[int, tuple[int, float]]) -> Member:
    speaker, confidence = whose.get(person, (NONE, 0.0))
    spans = merged((sight.start_s, sight.end_s) for sight in sights if sight.person == person)
    return Member(person, spans, speaker, confidence)


class _Moments:
    """A video in steps of STEP_S: whose voice is heard alone, which faces are seen, who of them is known to speak."""

    def __init__(self, sights: Sequence[Sight], turns: Sequence[FaceTurn], voices: Sequence[Voice]) -> None:
        self._sights = sights
        self._count = 1 + round(max([0.0, *(voice.end_s for voice in voices), *(s.end_s for s in sights)]) / STEP_S)
        self._voice, voices_heard = self._zeros(), self._zeros()
        for voice in voices:
            self._voice[_steps(voice.start_s, voice.end_s)] = voice.speaker
            voices_heard[_steps(voice.start_s, voice.end_s)] += 1
        self._voice[voices_heard != 1] = NONE
        self._told, self._speaking = np.zeros(self._count, bool), self._zeros()
        for turn in turns:
            self._told[_steps(turn.start_s, turn.end_s)] = True
            self._speaking[_steps(turn.start_s, turn.end_s)] = turn.sight.person
        self._faces, self._seen = self._zeros(), self._zeros()
        for sight in sights:
            self._faces[_steps(sight.start_s, sight.end_s)] += 1
            self._seen[_steps(sight.start_s, sight.end_s)] = sight.person

    def _zeros(self) -> Ints:
        return np.zeros(self._count, np.int64)

    def voices_of_people(self) -> dict[int, tuple[int, float]]:
        """For each person whose voice is known: the speaker, and how well voice and face agree, 0 to 1."""
        lone = np.where((self._faces == 1) & ~self._told, self._seen, NONE)
        told = np.zeros((self._voice.max() + 1, self._seen.max() + 1))
        np.add.at(told, (self._voice, self._speaking), STEP_S)
        np.add.at(told, (self._voice, lone), LONE * STEP_S)
        told[NONE] = told[:, NONE] = 0
        # Of one who has two numbers each is the other's rival: neither is named unless it has most of the time.
        agreed = told / np.maximum(np.maximum(told.sum(axis=0), told.sum(axis=1, keepdims=True)), LEAST_S)
        return {
            int(person): (int(speaker), float(agreed[speaker, person]))
            for speaker, person in np.argwhere((agreed >= AGREED) & (told >= LEAST_S))
        }

    def told_by_voice(self, whose: dict[int, tuple[int, float]]) -> Iterator[FaceTurn]:
        """Turns of faces whose voice is heard, where no mouth told."""
        taken = self._told.copy()
        for sight in self._sights:
            if sight.person not in whose:
                continue
            speaker, confidence = whose[sight.person]
            steps = _steps(sight.start_s, sight.end_s)
            free = (self._voice[steps] == speaker) & ~taken[steps]
            taken[steps] |= free
            for begin, end in _runs(free):
                start_s, end_s = (max(steps.start + step, 0) * STEP_S for step in (begin, end))
                start_s, end_s = max(start_s, sight.start_s), min(end_s, sight.end_s)
                if end_s - start_s >= SHORTEST_TURN_S:
                    yield FaceTurn(start_s, end_s, sight, confidence)


def _steps(start_s: float, end_s: float) -> slice:
    return slice(round(max(start_s, 0.0) / STEP_S), round(max(end_s, 0.0) / STEP_S))


def _runs(wanted: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]])))
    for begin, end in edges.reshape(-1, 2):
        yield int(begin), int(end)
