"""The clip's own clock: analyses of the video's parts, cut to the clip and counted from its beginning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis
from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.faces import Face, Shot, joined_shots
from clipmill_render.domain.interest import Interest
from clipmill_render.domain.speakers import Mouth, Turn, Voice, turns_of


@dataclass(frozen=True)
class Seen:
    """What is seen in the clip: takes that cover it, faces by track, and how far their mouths are open."""

    shots: list[Shot]
    tracks: list[list[Face]]
    # As many as tracks; empty where the mouth was not looked at.
    mouths: list[list[Mouth]]
    interests: list[Interest] = field(default_factory=list)
    # Where a slide, a shared screen or a title is shown.
    screens: list[Shot] = field(default_factory=list)


def words_in(clip: TimeRange, parts: Iterable[AudioAnalysis]) -> list[SpokenWord]:
    """The words whose middle lies in the clip, in order of time, cut to the clip."""
    length_s = clip.end_s - clip.start_s
    return sorted(
        (
            SpokenWord(
                " ".join(word.text.split()),
                max(0.0, word.start_s - clip.start_s),
                min(length_s, word.end_s - clip.start_s),
                word.ends_sentence,
            )
            for part in parts
            for word in part.words
            if clip.start_s <= (word.start_s + word.end_s) / 2 < clip.end_s and word.text.strip()
        ),
        key=lambda word: word.start_s,
    )


def seen_in(clip: TimeRange, parts: Iterable[VisionAnalysis]) -> Seen:
    """Shots and faces of the clip. A face just outside the clip is of no use and left out."""
    listed = list(parts)
    # A seam is no cut, but where the part before says that one lies there.
    cut_at_seam = [False, *(part.cut_at_end for part in listed)]
    shots = joined_shots(
        (
            (Shot(shot.range.start_s - clip.start_s, shot.range.end_s - clip.start_s), shot.begins_at_seam and not cut)
            for part, cut in zip(listed, cut_at_seam, strict=False)
            for shot in part.shots
        ),
        clip.end_s - clip.start_s,
    )
    tracks = [
        (
            [
                Face(face.time_s - clip.start_s, face.x0, face.y0, face.x1, face.y1, face.confidence)
                for face in track.samples
                if clip.start_s <= face.time_s < clip.end_s
            ],
            [
                Mouth(mouth.time_s - clip.start_s, mouth.opening)
                for mouth in track.mouths
                if clip.start_s <= mouth.time_s < clip.end_s
            ],
        )
        for part in listed
        for track in part.face_tracks
    ]
    seen = [(faces, mouths) for faces, mouths in tracks if faces]
    interests = [
        Interest(
            Shot(shot.range.start_s - clip.start_s, shot.range.end_s - clip.start_s),
            shot.salience.across,
            shot.salience.down,
        )
        for part in listed
        for shot in part.shots
    ]
    screens = [
        Shot(shot.range.start_s - clip.start_s, shot.range.end_s - clip.start_s)
        for part in listed
        for shot in part.shots
        if shot.is_screen
    ]
    return Seen(shots, [faces for faces, _ in seen], [mouths for _, mouths in seen], interests, screens)


def voices_in(clip: TimeRange, diarization: Diarization | None) -> list[Voice]:
    """Whose voice is heard when; none where nobody told them apart, or that is not certain."""
    if diarization is None or diarization.doubt:
        return []
    return [
        Voice(turn.range.start_s - clip.start_s, turn.range.end_s - clip.start_s, turn.speaker)
        for turn in diarization.turns
        if turn.range.start_s < clip.end_s and turn.range.end_s > clip.start_s
    ]


def speakers_in(
    clip: TimeRange,
    seen: Seen,
    parts: Iterable[AudioAnalysis],
    words: Sequence[SpokenWord],
    voices: Sequence[Voice] = (),
) -> list[Turn]:
    """Which of the tracks speaks when, in order; `words` of the clip tell where phrases begin."""
    speech = [Shot(span.start_s - clip.start_s, span.end_s - clip.start_s) for part in parts for span in part.speech]
    phrases = [word.start_s for before, word in pairwise(words) if before.ends_sentence]
    return [turn for shot in seen.shots for turn in turns_of(seen.mouths, shot, speech, phrases, voices)]
