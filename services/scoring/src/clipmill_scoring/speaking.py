"""Who speaks when, as messages: for the whole video, and of a clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization, SpeakerTurn
from clipmill.common.v1.common_pb2 import ModelVersion, TimeRange
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.pieces import shared
from clipmill_scoring.domain.formula import DIARIZATION_VERSION

UNCERTAIN = "SPEAKERS_UNCERTAIN"


def diarization_of(parts: Sequence[AudioAnalysis], speakers: int) -> Diarization | None:
    """Who speaks when in the video; None where its voices were not told apart. `speakers`: how many, 0 to find out."""
    if not any(part.voices for part in parts):
        return None
    # Late: most videos' voices are not told apart.
    from clipmill_scoring.domain.diarization import diarize

    found = diarize(parts, speakers)
    assert found is not None, "there are voices"
    return Diarization(
        turns=[
            SpeakerTurn(
                speaker=turn.speaker,
                range=TimeRange(start_s=turn.start_s, end_s=turn.end_s),
                confidence=turn.confidence,
            )
            for turn in found.turns
        ],
        overlaps=[TimeRange(start_s=start_s, end_s=end_s) for start_s, end_s in found.overlaps],
        speakers=found.speakers,
        speakers_given=speakers > 0,
        confidence=found.confidence,
        doubt=found.doubt,
        models=[clustering()],
    )


def turns_in(diarization: Diarization, pieces: Sequence[TimeRange]) -> Iterator[SpeakerTurn]:
    """The turns that touch a clip's pieces, whole."""
    return (turn for turn in diarization.turns if shared(turn.range, pieces))


def clustering() -> ModelVersion:
    return ModelVersion(task="speakers through the video", name="average-linkage", version=DIARIZATION_VERSION)


def doubts_of(diarization: Diarization) -> Iterator[Caution]:
    """That nothing rests on it, where that is so."""
    if diarization.doubt:
        yield Caution(
            code=UNCERTAIN,
            message=f"Who speaks when is uncertain: {diarization.doubt}, so no crop rests on it.",
            part="scoring",
        )
