"""Earlier analyses, of neighbouring parts, as one of a part of another video that shows the same frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.people import people_of
from clipmill.vision.v1.vision_pb2 import FaceSample, FaceTrack, MouthSample, Passage, Person, Shot, VisionAnalysis
from clipmill_vision.domain.cuts import MIN_SHOT_S
from clipmill_vision.domain.phash import earlier_alike
from clipmill_vision.domain.sketch import Times, nearest

S = TypeVar("S", FaceSample, MouthSample)


@dataclass(frozen=True)
class Clock:
    """Another video's times on this one's: `offset_s` later, and on this one's frames where there are such."""

    offset_s: float
    times_s: Times
    frame_s: float

    def __call__(self, there_s: float) -> float:
        here_s = there_s + self.offset_s
        frame_s = float(nearest(self.times_s, np.array([here_s]))[0])
        return frame_s if abs(frame_s - here_s) < self.frame_s / 2 else here_s


def moved_analysis(earlier: Sequence[VisionAnalysis], clock: Clock, start_s: float, end_s: float) -> VisionAnalysis:
    """What the earlier parts, in order, say of the part from `start_s` to `end_s`."""
    shots = list(_shots(earlier, clock, start_s, end_s))
    for shot, like in zip(shots, earlier_alike([s.phash if s.HasField("phash") else None for s in shots]), strict=True):
        shot.ClearField("looks_like_shot")
        if like is not None:
            shot.looks_like_shot = like
    persons = people_of(earlier)
    tracks = list(_tracks(earlier, persons, clock, start_s, end_s))
    return VisionAnalysis(
        part=TimeRange(start_s=start_s, end_s=end_s),
        shots=shots,
        face_tracks=tracks,
        models=earlier[0].models,
        cut_at_end=any(abs(at_s - end_s) < clock.frame_s / 2 for at_s in _cuts(earlier, clock)),
        passages=_passages(earlier, clock, start_s, end_s),
        people=_people(earlier, persons, {track.person for track in tracks if track.HasField("person")}),
    )


def _cuts(earlier: Sequence[VisionAnalysis], clock: Clock) -> Iterator[float]:
    for part in earlier:
        yield from (clock(shot.range.start_s) for shot in part.shots if not shot.begins_at_seam)
        if part.cut_at_end:
            yield clock(part.part.end_s)


def _shots(earlier: Sequence[VisionAnalysis], clock: Clock, start_s: float, end_s: float) -> list[Shot]:
    """They cover the part; one that a seam divided is one again, and none is shorter than a shot may be."""
    found: list[Shot] = []
    seam_is_cut = True
    for part in earlier:
        for shot in part.shots:
            begin_s, stop_s = max(clock(shot.range.start_s), start_s), min(clock(shot.range.end_s), end_s)
            is_divided = shot.begins_at_seam and not seam_is_cut
            # So little is the end of a shot of the part before, or the beginning of one of the next.
            if stop_s <= begin_s or (
                not is_divided and stop_s - begin_s < MIN_SHOT_S and _at_edge(begin_s, stop_s, start_s, end_s)
            ):
                continue
            own = Shot()
            own.CopyFrom(shot)
            own.begins_at_seam = False
            own.range.CopyFrom(TimeRange(start_s=begin_s, end_s=stop_s))
            _place_keyframe(own, clock)
            if is_divided and found:
                own = _joined(found.pop(), own)
            found.append(own)
        seam_is_cut = part.cut_at_end
    for before, after in pairwise(found):
        before.range.end_s = after.range.start_s
    if found:
        found[0].range.start_s, found[-1].range.end_s = start_s, end_s
        found[0].begins_at_seam = start_s > 0
    return found


def _at_edge(begin_s: float, stop_s: float, start_s: float, end_s: float) -> bool:
    return begin_s == start_s or stop_s == end_s


def _place_keyframe(shot: Shot, clock: Clock) -> None:
    """On this clock; nothing is said of a keyframe that lies in another part."""
    if not shot.HasField("keyframe_s"):
        return
    shot.keyframe_s = clock(shot.keyframe_s)
    if not shot.range.start_s <= shot.keyframe_s < shot.range.end_s:
        shot.ClearField("keyframe_s")
        shot.ClearField("phash")
        shot.ClearField("text_areas")


def _joined(before: Shot, after: Shot) -> Shot:
    """The values weighted by duration, all else that of the longer piece that has a keyframe."""
    lengths_s = [shot.range.end_s - shot.range.start_s for shot in (before, after)]
    share = lengths_s[1] / sum(lengths_s)
    (_, _, chosen), (_, _, other) = sorted(
        (
            (shot.HasField("keyframe_s"), length_s, shot)
            for shot, length_s in zip((before, after), lengths_s, strict=True)
        ),
        key=lambda each: each[:2],
        reverse=True,
    )
    own = Shot()
    own.CopyFrom(chosen)
    own.range.CopyFrom(TimeRange(start_s=before.range.start_s, end_s=after.range.end_s))
    own.motion = before.motion + share * (after.motion - before.motion)
    own.brightness = before.brightness + share * (after.brightness - before.brightness)
    own.sharpness = before.sharpness + share * (after.sharpness - before.sharpness)
    if not own.HasField("description") and other.HasField("description"):
        own.description = other.description
    return own


def _tracks(
    earlier: Sequence[VisionAnalysis],
    persons: Sequence[dict[int, int]],
    clock: Clock,
    start_s: float,
    end_s: float,
) -> Iterator[FaceTrack]:
    number = 0
    for part, known in zip(earlier, persons, strict=True):
        for track in part.face_tracks:
            own = FaceTrack(
                track=number,
                samples=_moved(track.samples, clock, start_s, end_s),
                mouths=_moved(track.mouths, clock, start_s, end_s),
                person_confidence=track.person_confidence,
            )
            if not own.samples:
                continue
            if track.HasField("person"):
                own.person = known[track.person] - 1
            yield own
            number += 1


def _moved(seen: Iterable[S], clock: Clock, start_s: float, end_s: float) -> Iterator[S]:
    for sample in seen:
        here_s = clock(sample.time_s)
        if start_s <= here_s < end_s:
            own = type(sample)()
            own.CopyFrom(sample)
            own.time_s = here_s
            yield own


def _people(
    earlier: Sequence[VisionAnalysis], persons: Sequence[dict[int, int]], wanted: Iterable[int]
) -> list[Person]:
    looks = {
        known[person.person] - 1: person.looks
        for part, known in zip(reversed(earlier), reversed(persons), strict=True)
        for person in part.people
    }
    return [Person(person=number, looks=looks[number]) for number in sorted(wanted)]


def _passages(earlier: Sequence[VisionAnalysis], clock: Clock, start_s: float, end_s: float) -> Iterator[Passage]:
    for part in earlier:
        for passage in part.passages:
            begin_s, stop_s = max(clock(passage.range.start_s), start_s), min(clock(passage.range.end_s), end_s)
            if stop_s > begin_s:
                yield Passage(kind=passage.kind, range=TimeRange(start_s=begin_s, end_s=stop_s))
