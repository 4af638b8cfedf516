"""One timeline of a whole video, from the analyses of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization, SoundEvent
from clipmill.sound_events import joined
from clipmill.vision.v1.vision_pb2 import FaceTrack, Passage, VisionAnalysis
from clipmill.vision.v1.vision_pb2 import Shot as SeenShot
from clipmill_scoring.domain.spans import Spans, merged

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Word:
    """A spoken word. `ends_sentence` is what the recogniser says, not what a pause suggests; `end_sure`: how sure
    that is, 0 to 1.
    """

    text: str
    start_s: float
    end_s: float
    ends_sentence: bool
    end_sure: float = 1.0


@dataclass(frozen=True)
class Shot:
    """What one camera saw without a cut; see clipmill.vision.v1.Shot for the units."""

    start_s: float
    end_s: float
    motion: float
    sharpness: float
    # What a vision-language model says of it; empty where none was asked.
    text: str = ""
    # True where something is written in its keyframe; None where nobody looked for it.
    is_written: bool | None = None

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Phrase:
    """How some words are said. `pitch_range` is from the 10th to the 90th percentile, in semitones; NaN where nothing
    is voiced.
    """

    start_s: float
    end_s: float
    words_per_s: float
    pitch_range: float


@dataclass(frozen=True)
class Turn:
    """One of the video's voices speaks; two turns overlap where two do."""

    speaker: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Level:
    """A value on an even grid from 0 s: cell i covers [i * step_s, (i + 1) * step_s). NaN where nothing is known."""

    step_s: float
    values: Floats


@dataclass(frozen=True)
class Timeline:
    """Everything that scoring knows of a video, in order of time, within [0, duration_s].

    `loudness_db` is the level of the voice, so it is NaN where nobody speaks; `faces` counts the faces in the picture,
    `face_height` is the largest one's share of the picture's height, 0 without one; `facing` is 1 where that one is
    turned to the camera, 0 where not, NaN where that is not known. They are absent when their analysis
    is. `still` are the passages, apart from each other, in which the picture is black or frozen. `language` is "" when
    nobody said. `turns` are empty where voices were not told apart, or not surely; `overlaps`, where two speak at once,
    are None there. `music` is None where nobody listened.
    """

    duration_s: float
    language: str
    words: tuple[Word, ...]
    shots: tuple[Shot, ...]
    loudness_db: Level | None
    faces: Level | None
    face_height: Level | None = None
    facing: Level | None = None
    still: Spans = ()
    turns: tuple[Turn, ...] = ()
    overlaps: Spans | None = None
    phrases: tuple[Phrase, ...] = ()
    music: Spans | None = None


# Faces are counted five times a second: finer than they are sampled by the vision service.
FACE_STEP_S = 0.2


def merge(
    duration_s: float,
    audio: Sequence[AudioAnalysis],
    vision: Sequence[VisionAnalysis],
    diarization: Diarization | None = None,
) -> Timeline:
    """Join the parts' analyses, given in order. Words outside the video are dropped, its end cuts the last one.

    On a doubtful diarization nothing rests.
    """
    told = diarization if diarization is not None and not diarization.doubt else None
    words = sorted(
        (
            Word(
                w.text,
                max(w.start_s, 0.0),
                min(max(w.end_s, w.start_s), duration_s),
                w.ends_sentence,
                w.end_confidence if w.HasField("end_confidence") else 1.0,
            )
            for part in audio
            for w in part.words
            if w.text.strip() and w.end_s >= 0 and w.start_s < duration_s
        ),
        key=lambda word: (word.start_s, word.end_s),
    )
    spoken = Counter[str]()
    for part in audio:
        spoken[part.language] += len(part.words)
    faces, face_height, facing = _faces(vision, duration_s)
    return Timeline(
        duration_s=duration_s,
        language=spoken.most_common(1)[0][0] if spoken else "",
        words=tuple(words),
        shots=_joined_shots(vision, duration_s),
        loudness_db=_loudness(audio, duration_s),
        faces=faces,
        face_height=face_height,
        facing=facing,
        still=_still(vision),
        turns=tuple(Turn(turn.speaker, turn.range.start_s, turn.range.end_s) for turn in told.turns) if told else (),
        overlaps=merged((span.start_s, span.end_s) for span in told.overlaps) if told else None,
        phrases=_phrases(audio),
        music=_music(audio),
    )


def _joined_shots(parts: Sequence[VisionAnalysis], duration_s: float) -> tuple[Shot, ...]:
    """The shots of all parts; one that was divided by a seam is one again, its values weighted by duration."""
    shots: list[Shot] = []
    seam_is_cut = False
    for part in parts:
        for found in part.shots:
            shot = Shot(found.range.start_s, min(found.range.end_s, duration_s), found.motion, found.sharpness)
            shot = replace(shot, text=found.description, is_written=_is_written(found))
            if shot.duration_s <= 0:
                continue
            if found.begins_at_seam and shots and not seam_is_cut:
                before = shots.pop()
                share = shot.duration_s / (before.duration_s + shot.duration_s)
                shot = Shot(
                    before.start_s,
                    shot.end_s,
                    before.motion + share * (shot.motion - before.motion),
                    before.sharpness + share * (shot.sharpness - before.sharpness),
                    before.text or shot.text,
                    before.is_written or (before.is_written if shot.is_written is None else shot.is_written),
                )
            shots.append(shot)
        seam_is_cut = part.cut_at_end
    return tuple(shots)


def _is_written(shot: SeenShot) -> bool | None:
    return bool(shot.text_areas.areas) if shot.HasField("text_areas") else None


def _phrases(parts: Sequence[AudioAnalysis]) -> tuple[Phrase, ...]:
    found = (
        Phrase(p.range.start_s, p.range.end_s, p.words_per_s, _semitones(p.pitch_low_hz, p.pitch_high_hz))
        for part in parts
        for p in part.phrases
    )
    return tuple(sorted(found, key=lambda phrase: phrase.start_s + phrase.end_s))


def _semitones(low_hz: float, high_hz: float) -> float:
    """NaN where neither is known, which reads as 0."""
    return 12 * float(np.log2(high_hz / low_hz)) if 0 < low_hz <= high_hz else float("nan")


def _music(parts: Sequence[AudioAnalysis]) -> Spans | None:
    if not parts:
        return None
    events = joined(event for part in parts for event in part.events)
    return merged((e.range.start_s, e.range.end_s) for e in events if e.kind == SoundEvent.KIND_MUSIC)


def _loudness(parts: Sequence[AudioAnalysis], duration_s: float) -> Level | None:
    parts = [part for part in parts if part.loudness.step_s > 0 and part.loudness.rms_db]
    if not parts:
        return None
    step_s = max(part.loudness.step_s for part in parts)
    cells = _cells(duration_s, step_s)
    total, count = np.zeros(cells), np.zeros(cells)
    for part in parts:
        level = np.asarray(part.loudness.rms_db, dtype=np.float64)
        middle_s = part.loudness.start_s + (np.arange(len(level)) + 0.5) * part.loudness.step_s
        cell = np.floor(middle_s / step_s).astype(np.int64)
        inside = (cell >= 0) & (cell < cells)
        total += np.bincount(cell[inside], level[inside], cells)
        count += np.bincount(cell[inside], minlength=cells)
    spoken = np.zeros(cells, dtype=np.bool_)
    for part in parts:
        for speech in part.speech:
            spoken[round(speech.start_s / step_s) : round(speech.end_s / step_s)] = True
    heard = spoken & (count > 0)
    return Level(step_s, np.where(heard, total / np.maximum(count, 1), np.nan))


def _faces(parts: Sequence[VisionAnalysis], duration_s: float) -> tuple[Level | None, Level | None, Level | None]:
    """How many faces there are, how high the largest is (its track's mean), and whether that one faces the camera."""
    if not parts:
        return None, None, None
    count, height = (np.zeros(_cells(duration_s, FACE_STEP_S)) for _ in range(2))
    facing = np.full(len(count), np.nan)
    for part in parts:
        for track in part.face_tracks:
            times = [sample.time_s for sample in track.samples]
            if times:
                last = min(int(max(times) / FACE_STEP_S) + 1, len(count))
                cells = np.arange(int(min(times) / FACE_STEP_S), last)
                count[cells] += 1
                mean = sum(sample.y1 - sample.y0 for sample in track.samples) / len(times)
                mean = min(max(mean, 0.0), 1.0)
                facing[cells] = np.where(mean > height[cells], _facing(track, times, cells), facing[cells])
                height[cells] = np.maximum(height[cells], mean)
    return Level(FACE_STEP_S, count), Level(FACE_STEP_S, height), Level(FACE_STEP_S, facing)


def _facing(track: FaceTrack, times: Sequence[float], cells: Ints) -> Floats:
    """Of each of these cells what was seen last before its middle."""
    told = np.array([float(sample.facing) if sample.HasField("facing") else np.nan for sample in track.samples])
    middle_s = (cells + 0.5) * FACE_STEP_S
    seen: Floats = told[np.maximum(np.searchsorted(times, middle_s, "right") - 1, 0)]
    return seen


def _still(parts: Sequence[VisionAnalysis]) -> Spans:
    kinds = (Passage.KIND_BLACK, Passage.KIND_FROZEN)
    return merged(
        (each.range.start_s, each.range.end_s) for part in parts for each in part.passages if each.kind in kinds
    )


def _cells(duration_s: float, step_s: float) -> int:
    return max(1, int(np.ceil(duration_s / step_s)))
