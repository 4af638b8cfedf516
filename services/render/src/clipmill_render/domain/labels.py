"""Who says a word, for subtitles: only where that is certain, and where more than one speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clipmill.audio.v1.audio_pb2 import Diarization, SpeakerTurn, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.turns import speaker_of
from clipmill_render.domain.captions import SpokenWord


def with_speakers(words: list[SpokenWord], clip: TimeRange, diarization: Diarization | None) -> list[SpokenWord]:
    """`words` of the clip with their speakers, numbered as in the video; as they are where nobody is to be named."""
    if diarization is None or diarization.doubt:
        return words
    turns = [turn for turn in diarization.turns if turn.range.start_s < clip.end_s and turn.range.end_s > clip.start_s]
    if len({turn.speaker for turn in turns}) < 2:
        return words
    return [replace(word, speaker=_speaker(word, clip, turns)) for word in words]


def _speaker(word: SpokenWord, clip: TimeRange, turns: Sequence[SpeakerTurn]) -> int | None:
    return speaker_of(Word(start_s=word.start_s + clip.start_s, end_s=word.end_s + clip.start_s), turns)
