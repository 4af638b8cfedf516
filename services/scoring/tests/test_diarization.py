"""Who is the same speaker through a video: voices with made embeddings, whose speakers are known."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_scoring.domain.diarization import SURE, diarize

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, LocalVoice
from clipmill.common.v1.common_pb2 import TimeRange

SPEAKERS = np.linalg.qr(np.random.default_rng(7).normal(size=(256, 8)))[0].T


def voice(
    who: int, start_s: float, end_s: float, stretch: int, *, spread: float = 0.7, alone: bool = True
) -> LocalVoice:
    """Something that SPEAKERS[who] says; the same person is about `spread` ** 2 / 2 apart."""
    noise = np.random.default_rng(round(start_s * 1000)).normal(size=256) * spread / 16
    embedding = SPEAKERS[who] + noise
    return LocalVoice(
        stretch=stretch,
        ranges=[TimeRange(start_s=start_s, end_s=end_s)],
        alone_s=(end_s - start_s) if alone else 0,
        embedding=(embedding / np.linalg.norm(embedding)).tolist(),
    )


def talk(*order: int, from_s: float = 0.0) -> AudioAnalysis:
    """One stretch of 4 s each."""
    return AudioAnalysis(voices=[voice(who, from_s + 5 * n, from_s + 5 * n + 4, n) for n, who in enumerate(order)])


def test_speakers_keep_their_numbers_across_the_parts() -> None:
    found = diarize([talk(3, 5, 3), talk(5, 3, from_s=15), talk(6, 5, from_s=25)])
    assert found is not None
    assert [turn.speaker for turn in found.turns] == [1, 2, 1, 2, 1, 3, 2]
    assert found.speakers == 3
    assert not found.doubt


def test_where_the_parts_are_cut_makes_no_difference() -> None:
    whole = talk(0, 1, 0, 2, 1)
    halves = [AudioAnalysis(voices=whole.voices[:2]), AudioAnalysis(voices=whole.voices[2:])]
    assert diarize([whole]) == diarize(halves)


def test_two_of_one_stretch_are_two_people_however_alike() -> None:
    part = AudioAnalysis(voices=[voice(0, 0, 4, 0), voice(0, 5, 9, 0)])
    found = diarize([part])
    assert found is not None
    assert found.speakers == 2


def test_the_number_of_speakers_can_be_given() -> None:
    parts = [talk(0, 1, 2, 0, 1, 2)]
    assert [getattr(diarize(parts, number), "speakers", None) for number in (1, 2, 3)] == [1, 2, 3]


def test_overlap_is_marked() -> None:
    part = talk(0, 1, 0, 1)
    part.voices.append(voice(0, 6, 7.5, 1))
    found = diarize([part])
    assert found is not None
    assert found.overlaps == ((6.0, 7.5),)
    assert {turn.speaker for turn in found.turns if turn.start_s < 7 and turn.end_s > 7} == {1, 2}


def test_who_never_speaks_alone_makes_no_speaker() -> None:
    part = talk(0, 1, 0, 1)
    part.voices.append(voice(4, 1, 2, 0, alone=False))
    found = diarize([part])
    assert found is not None
    assert found.speakers == 2


def test_a_noise_makes_no_speaker() -> None:
    part = talk(0, 1, 0, 1)
    part.voices.append(voice(4, 30, 30.5, 9))
    found = diarize([part])
    assert found is not None
    assert found.speakers == 2


def test_voices_that_are_hardly_told_apart_are_doubtful() -> None:
    part = AudioAnalysis(voices=[voice(n % 3, 5 * n, 5 * n + 4, n, spread=1.6) for n in range(9)])
    found = diarize([part])
    assert found is not None
    assert found.confidence < SURE
    assert found.doubt


def test_one_voice_heard_once_is_no_proof() -> None:
    found = diarize([talk(0)])
    assert found is not None
    assert found.doubt


def test_pauses_belong_to_the_turn_and_the_same_voice_goes_on_over_a_seam() -> None:
    part = AudioAnalysis(voices=[voice(0, 0, 4, 0), voice(0, 4.3, 8, 1), voice(0, 9, 12, 2)])
    found = diarize([part])
    assert found is not None
    assert [(turn.start_s, turn.end_s) for turn in found.turns] == [(0, 8), (9, 12)]


def test_more_voices_than_are_linked_still_get_their_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipmill_scoring.domain.diarization.MOST_LINKED", 10)
    order = [n % 3 for n in range(40)]
    found = diarize([talk(*order)])
    assert found is not None
    assert [turn.speaker - 1 for turn in found.turns] == order


def test_without_voices_nothing_is_said() -> None:
    assert diarize([AudioAnalysis()]) is None
