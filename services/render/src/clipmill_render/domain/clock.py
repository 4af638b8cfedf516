"""The clip's own clock: analyses of the video's parts, cut to the clip and counted from its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis
from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.faces import Face, Shot, joined_shots
from clipmill_render.domain.interest import Interest


@dataclass(frozen=True)
class Seen:
    """What is seen in the clip: takes that cover it, and faces by track."""

    shots: list[Shot]
    tracks: list[list[Face]]
    # Of each track the beginning of its part, and its number there.
    names: list[tuple[float, int]]
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
            (part.part.start_s, track.track),
            [
                Face(face.time_s - clip.start_s, face.x0, face.y0, face.x1, face.y1, face.confidence)
                for face in track.samples
                if clip.start_s <= face.time_s < clip.end_s
            ],
        )
        for part in listed
        for track in part.face_tracks
    ]
    seen = [(name, faces) for name, faces in tracks if faces]
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
    return Seen(shots, [faces for _, faces in seen], [name for name, _ in seen], interests, screens)
