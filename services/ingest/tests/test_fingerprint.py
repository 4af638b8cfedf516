"""A recording is known again through codecs and cuts, and no other one is taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_ingest.domain.fingerprint import RATE_HZ, STEP_S, Ear, Prints, sketch
from clipmill_ingest.domain.likeness import LEAST_VOTES, Likeness, likeness, shared_spans, votes
from clipmill_ingest.domain.parts import Span

BLOCK = 65_536


def speech(seed: int, seconds: float = 40.0) -> np.ndarray:
    """Something like speech: tones and noise that change a few times a second, with pauses."""
    random = np.random.default_rng(seed)
    pieces = []
    while sum(map(len, pieces)) < seconds * RATE_HZ:
        t = np.arange(int(random.uniform(0.05, 0.3) * RATE_HZ)) / RATE_HZ
        voice = sum(np.sin(2 * np.pi * random.uniform(150, 2500) * t) for _ in range(4))
        pieces.append((voice + random.normal(0, 0.3, len(t))) * random.choice([0.0, 0.3, 1.0], p=[0.1, 0.3, 0.6]))
    return np.concatenate(pieces)[: int(seconds * RATE_HZ)] * 2000


def heard(sound: np.ndarray) -> Prints:
    ear = Ear()
    samples = np.clip(sound, -32768, 32767).astype(np.int16)
    for at in range(0, len(samples), BLOCK):
        ear.heard(samples[at : at + BLOCK])
    return ear.prints()


def compared(here: Prints, there: Prints) -> Likeness | None:
    count, offset = votes(sketch(here), sketch(there))
    return likeness(here, there, offset) if count >= LEAST_VOTES else None


@pytest.mark.parametrize(
    "change",
    [
        lambda sound: sound * 0.2,
        lambda sound: np.round(sound / 200) * 200,
        lambda sound: sound + np.random.default_rng(9).normal(0, 60, len(sound)),
        lambda sound: np.convolve(sound, [0.25, 0.5, 0.25], "same"),
    ],
    ids=["quieter", "coarser", "noisier", "duller"],
)
def test_the_same_recording_is_found_with_its_offset(change) -> None:
    sound = speech(1)
    cut_s = 5.02

    found = compared(heard(change(sound)[round(cut_s * RATE_HZ) :]), heard(sound))

    assert found is not None
    assert found.offset_s == pytest.approx(-cut_s, abs=STEP_S / 2)
    assert found.agreement > 0.8


def test_the_same_recording_with_something_before_it_is_found() -> None:
    sound = speech(1)

    found = compared(heard(np.concatenate((speech(2, 3.0), sound))), heard(sound))

    assert found is not None
    assert found.offset_s == pytest.approx(3.0, abs=STEP_S / 2)


def test_no_other_recording_is_found() -> None:
    prints = [heard(speech(seed)) for seed in range(12)]

    assert not [
        (a, b) for a, here in enumerate(prints) for b, there in enumerate(prints) if a != b and compared(here, there)
    ]


def test_a_recording_that_runs_faster_is_another() -> None:
    sound = speech(1)
    faster = np.interp(np.arange(0, len(sound), 1.005), np.arange(len(sound)), sound)

    assert compared(heard(faster), heard(sound)) is None


def test_a_recording_with_a_piece_cut_out_is_another() -> None:
    sound = speech(1, 60.0)
    shortened = np.concatenate((sound[: 25 * RATE_HZ], sound[40 * RATE_HZ :]))

    assert compared(heard(shortened), heard(sound)) is None


def test_a_common_jingle_is_not_enough() -> None:
    jingle = speech(1, 10.0)

    here, there = (heard(np.concatenate((jingle, speech(seed)))) for seed in (2, 3))

    assert votes(sketch(here), sketch(there))[0] >= LEAST_VOTES
    assert compared(here, there) is None


def test_silence_is_like_nothing() -> None:
    silence = heard(np.zeros(40 * RATE_HZ))

    assert not silence.any()
    assert compared(silence, silence) is None


def test_the_fingerprint_does_not_depend_on_how_the_sound_comes() -> None:
    sound = np.clip(speech(1, 10.0), -32768, 32767).astype(np.int16)
    whole, in_pieces = Ear(), Ear()

    whole.heard(sound)
    for at in range(0, len(sound), 4_000):
        in_pieces.heard(sound[at : at + 4_000])

    assert np.array_equal(whole.prints(), in_pieces.prints())


def test_the_others_parts_are_moved_and_what_it_lacks_is_a_part_of_its_own() -> None:
    parts = [Span(0, 50), Span(50, 100)]

    assert [(s.here, s.there) for s in shared_spans(parts, -5.0, 95.1)] == [
        (Span(0, 45.0), parts[0]),
        (Span(45.0, 95.1), parts[1]),
    ]
    assert [(s.here, s.there) for s in shared_spans(parts, 3.0, 110.0)] == [
        (Span(0.0, 3.0), None),
        (Span(3.0, 53.0), parts[0]),
        (Span(53.0, 103.0), parts[1]),
        (Span(103.0, 110.0), None),
    ]
    assert [(s.here, s.there) for s in shared_spans(parts, -60.0, 40.0)] == [(Span(0.0, 40.0), parts[1])]
