"""Events of parts become those of the video."""

from __future__ import annotations

import pytest

from clipmill.audio.v1.audio_pb2 import SoundEvent
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.sound_events import joined

SILENCE, MUSIC = SoundEvent.KIND_SILENCE, SoundEvent.KIND_MUSIC


def event(kind: SoundEvent.Kind.ValueType, start_s: float, end_s: float, confidence: float | None = None) -> SoundEvent:
    return SoundEvent(kind=kind, range=TimeRange(start_s=start_s, end_s=end_s), confidence=confidence)


def test_what_an_edge_of_a_part_cut_is_one_again():
    parts = [event(SILENCE, 58.5, 60), event(SILENCE, 60, 61.2), event(MUSIC, 30, 50, 0.9), event(MUSIC, 52, 62, 0.6)]
    music, silence = joined(parts)
    assert (music.range.start_s, music.range.end_s, music.confidence) == (30, 62, pytest.approx(0.8))
    assert (silence.range.start_s, silence.range.end_s, silence.HasField("confidence")) == (58.5, 61.2, False)


def test_a_piece_at_an_edge_that_nothing_continues_is_not_claimed():
    assert joined([event(SILENCE, 58.5, 60), event(MUSIC, 60, 63, 0.9)]) == []


def test_silences_with_a_sound_between_stay_two():
    assert len(joined([event(SILENCE, 10, 13), event(SILENCE, 13.3, 16)])) == 2


def test_the_events_given_stay_as_they_are():
    given = [event(MUSIC, 0, 6, 0.9), event(MUSIC, 6, 12, 0.9)]
    joined(given)
    assert given == [event(MUSIC, 0, 6, 0.9), event(MUSIC, 6, 12, 0.9)]
