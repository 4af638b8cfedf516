"""Who is seen and who of them speaks, as messages: for the whole video, and of a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization
from clipmill.clips.v1.clips_pb2 import ClipPerson, SeenSpeaking, ShotText
from clipmill.common.v1.common_pb2 import ModelVersion, TimeRange
from clipmill.pieces import shared
from clipmill.vision.v1.vision_pb2 import Cast, CastMember, FaceTurn, VisionAnalysis
from clipmill_scoring.domain.formula import CAST_VERSION
from clipmill_scoring.domain.spans import Spans, merged

if TYPE_CHECKING:
    from clipmill_scoring.domain import cast as found_cast


def cast_of(
    vision: Sequence[VisionAnalysis], audio: Sequence[AudioAnalysis], diarization: Diarization | None
) -> Cast | None:
    """Who is seen in the video, and when they speak; None where no face is. A doubtful diarization counts not."""
    if not any(part.face_tracks for part in vision):
        return None
    # Late: of many videos nobody is seen.
    from clipmill_scoring.domain import cast
    from clipmill_scoring.domain.active_speaker import Voice

    speech = merged((span.start_s, span.end_s) for part in audio for span in part.speech)
    told = diarization.turns if diarization is not None and not diarization.doubt else ()
    voices = [Voice(turn.range.start_s, turn.range.end_s, turn.speaker) for turn in told]
    words = [word for part in audio for word in part.words]
    phrases = [word.start_s for before, word in pairwise(words) if before.ends_sentence]
    found = cast.cast_of(vision, speech, voices, phrases)
    return None if found is None else _message(found)


def _message(found: found_cast.Cast) -> Cast:
    return Cast(
        members=[
            CastMember(
                person=member.person,
                seen=_ranges(member.spans),
                speaker=member.speaker or None,
                speaker_confidence=member.confidence,
            )
            for member in found.members
        ],
        turns=[
            FaceTurn(
                range=TimeRange(start_s=turn.start_s, end_s=turn.end_s),
                part_start_s=turn.sight.part_start_s,
                track=turn.sight.track,
                person=turn.sight.person or None,
                confidence=turn.confidence,
            )
            for turn in found.turns
        ],
    )


def _ranges(spans: Spans) -> Iterator[TimeRange]:
    return (TimeRange(start_s=start_s, end_s=end_s) for start_s, end_s in spans)


def people_in(cast: Cast, pieces: Sequence[TimeRange]) -> list[ClipPerson]:
    """The members who are seen in a clip's pieces, who is seen longest first."""
    found = [_in_clip(member, cast, pieces) for member in cast.members]
    return sorted((person for person in found if person.share > 0), key=lambda person: -person.share)


def _in_clip(member: CastMember, cast: Cast, pieces: Sequence[TimeRange]) -> ClipPerson:
    seen_s = sum(part.end_s - part.start_s for seen in member.seen for part in shared(seen, pieces))
    length_s = sum(piece.end_s - piece.start_s for piece in pieces)
    return ClipPerson(
        person=member.person,
        share=min(seen_s / length_s, 1.0),
        speaker=member.speaker if member.HasField("speaker") else None,
        speaker_confidence=member.speaker_confidence,
        speaks=[
            SeenSpeaking(range=part, confidence=turn.confidence)
            for turn in cast.turns
            if turn.person == member.person
            for part in shared(turn.range, pieces)
        ],
    )


def described_in(shots: Iterable[tuple[float, float, str]], pieces: Sequence[TimeRange]) -> Iterator[ShotText]:
    """What a clip's pieces show, of shots with their beginnings, ends and descriptions."""
    for start_s, end_s, text in shots:
        for part in shared(TimeRange(start_s=start_s, end_s=end_s), pieces):
            yield ShotText(range=part, text=text)


def joining() -> ModelVersion:
    return ModelVersion(task="who speaks of those seen", name="clipmill-mouth-motion-and-voice", version=CAST_VERSION)
