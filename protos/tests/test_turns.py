"""Which speaker said a word."""

from clipmill.audio.v1.audio_pb2 import SpeakerTurn, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.turns import speaker_of

TURNS = [
    SpeakerTurn(speaker=1, range=TimeRange(start_s=0, end_s=5)),
    SpeakerTurn(speaker=2, range=TimeRange(start_s=4.6, end_s=9)),
]


def said(start_s: float, end_s: float) -> int | None:
    return speaker_of(Word(start_s=start_s, end_s=end_s), TURNS)


def test_a_word_is_of_the_turn_that_shares_most_of_it():
    assert [said(1, 2), said(4.5, 4.9), said(4.8, 5.6)] == [1, 1, 2]


def test_a_word_beside_a_turn_belongs_to_it():
    assert said(9.1, 9.3) == 2


def test_far_from_any_turn_nobody_is_named():
    assert said(12, 13) is None
    assert speaker_of(Word(start_s=0, end_s=1), []) is None
