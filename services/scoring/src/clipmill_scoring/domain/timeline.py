"""One timeline of a whole video, from the analyses of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization
from clipmill.vision.v1.vision_pb2 import Passage, VisionAnalysis
from clipmill_scoring.domain.spans import merged

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Word:
    """A spoken word. `ends_sentence` is what the recogniser says, not what a pause suggests."""

    text: str
    start_s: float
    end_s: float
    ends_sentence: bool


@dataclass(frozen=True)
class Shot:
    """What one camera saw without a cut; see clipmill.vision.v1.Shot for the units."""

    start_s: float
    end_s: float
    motion: float
    sharpness: float
    # What a vision-language model says of it; empty where none was asked.
    text: str = ""

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


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
    `face_height` is the largest one's share of the picture's height, 0 without one. They are absent when their analysis
    is. `still` are the passages, apart from each other, in which the picture is black or frozen. `language` is "" when
    nobody said. `turns` are empty where voices were not told apart, or not surely.
    """

    duration_s: float
    language: str
    words: tuple[Word, ...]
    shots: tuple[Shot, ...]
    loudness_db: Level | None
    faces: Level | None
    face_height: Level | None = None
    still: tuple[tuple[float, float], ...] = ()
    turns: tuple[Turn, ...] = ()


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
    told = diarization.turns if diarization is not None and not diarization.doubt else ()
    words = sorted(
        (
            Word(w.text, max(w.start_s, 0.0), min(max(w.end_s, w.start_s), duration_s), w.ends_sentence)
            for part in audio
            for w in part.words
            if w.text.strip() and w.end_s >= 0 and w.start_s < duration_s
        ),
        key=lambda word: (word.start_s, word.end_s),
    )
    spoken = Counter[str]()
    for part in audio:
        spoken[part.language] += len(part.words)
    faces, face_height = _faces(vision, duration_s)
    return Timeline(
        duration_s=duration_s,
        language=spoken.most_common(1)[0][0] if spoken else "",
        words=tuple(words),
        shots=_joined_shots(vision, duration_s),
        loudness_db=_loudness(audio, duration_s),
        faces=faces,
        face_height=face_height,
        still=_still(vision),
        turns=tuple(Turn(turn.speaker, turn.range.start_s, turn.range.end_s) for turn in told),
    )


def _joined_shots(parts: Sequence[VisionAnalysis], duration_s: float) -> tuple[Shot, ...]:
    """The shots of all parts; one that was divided by a seam is one again, its values weighted by duration."""
    shots: list[Shot] = []
    seam_is_cut = False
    for part in parts:
        for found in part.shots:
            shot = Shot(found.range.start_s, min(found.range.end_s, duration_s), found.motion, found.sharpness)
            shot = replace(shot, text=found.description)
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
                )
            shots.append(shot)
        seam_is_cut = part.cut_at_end
    return tuple(shots)


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


def _faces(parts: Sequence[VisionAnalysis], duration_s: float) -> tuple[Level | None, Level | None]:
    """How many faces there are, and how high the largest is (its track's mean)."""
    if not parts:
        return None, None
    count, height = (np.zeros(_cells(duration_s, FACE_STEP_S)) for _ in range(2))
    for part in parts:
        for track in part.face_tracks:
            times = [sample.time_s for sample in track.samples]
            if times:
                cells = slice(int(min(times) / FACE_STEP_S), int(max(times) / FACE_STEP_S) + 1)
                count[cells] += 1
                mean = sum(sample.y1 - sample.y0 for sample in track.samples) / len(times)
                height[cells] = np.maximum(height[cells], min(max(mean, 0.0), 1.0))
    return Level(FACE_STEP_S, count), Level(FACE_STEP_S, height)


def _still(parts: Sequence[VisionAnalysis]) -> tuple[tuple[float, float], ...]:
    kinds = (Passage.KIND_BLACK, Passage.KIND_FROZEN)
    return merged(
        (each.range.start_s, each.range.end_s) for part in parts for each in part.passages if each.kind in kinds
    )


def _cells(duration_s: float, step_s: float) -> int:
    return max(1, int(np.ceil(duration_s / step_s)))
