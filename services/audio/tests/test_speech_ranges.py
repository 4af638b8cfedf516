"""From probabilities to speech, utterances and windows."""

from __future__ import annotations

import itertools

import pytest
from clipmill_audio.domain import utterances as rules
from clipmill_audio.domain import windows
from clipmill_audio.domain.activity import SHORTEST_SPEECH_S, speech_ranges
from clipmill_audio.domain.timed import Span
from clipmill_audio.domain.utterances import utterances
from hypothesis import given
from hypothesis import strategies as st

STEP_S = 0.032
stretches = st.tuples(st.sampled_from([0.02, 0.2, 0.4, 0.6, 0.95]), st.integers(1, 700))


def sound(*parts: tuple[float, float]) -> list[float]:
    """Probabilities: (how probable, for how many seconds)."""
    return [probability for probability, length_s in parts for _ in range(round(length_s / STEP_S))]


@given(st.lists(st.floats(0, 1), max_size=300))
def test_speech_is_in_order_apart_and_inside_the_sound(probabilities: list[float]) -> None:
    edges = [e for span in speech_ranges(probabilities, STEP_S) for e in (span.start_s, span.end_s)]
    edges = [0.0, *edges, len(probabilities) * STEP_S]
    assert edges == sorted(edges)
    assert all(span.length_s >= SHORTEST_SPEECH_S for span in speech_ranges(probabilities, STEP_S))


@pytest.mark.parametrize("probabilities", [[], [0.49] * 100, [0.9] * 5 + [0.0] * 50])
def test_doubtful_or_short_activity_is_no_speech(probabilities: list[float]) -> None:
    assert speech_ranges(probabilities, STEP_S) == []


def test_a_dip_between_the_thresholds_does_not_end_speech() -> None:
    assert len(speech_ranges(sound((0.9, 1), (0.4, 1), (0.9, 1)), STEP_S)) == 1
    assert len(speech_ranges(sound((0.9, 1), (0.1, 1), (0.9, 1)), STEP_S)) == 2


@given(st.lists(stretches, max_size=30))
def test_utterances_cover_all_speech_and_stay_short(parts: list[tuple[float, int]]) -> None:
    probabilities = [probability for probability, steps in parts for _ in range(steps)]
    speech = speech_ranges(probabilities, STEP_S)
    spans = utterances(speech, probabilities, STEP_S)
    longest_s = rules.LONGEST_S + max(2 * rules.PAD_S, rules.SHARED_S) + STEP_S
    assert all(0 <= span.start_s < span.end_s <= len(probabilities) * STEP_S + 1e-9 for span in spans)
    assert all(span.length_s <= longest_s for span in spans)
    for heard in speech:
        assert sum(heard.shared_s(span) for span in spans) >= heard.length_s - 1e-6


@given(st.lists(stretches, max_size=30))
def test_utterances_share_sound_only_where_speech_was_cut(parts: list[tuple[float, int]]) -> None:
    probabilities = [probability for probability, steps in parts for _ in range(steps)]
    speech = speech_ranges(probabilities, STEP_S)
    spans = utterances(speech, probabilities, STEP_S)
    for left, right in itertools.pairwise(spans):
        shared_s = left.end_s - right.start_s
        is_cut = any(one.start_s < right.start_s and left.end_s < one.end_s for one in speech)
        assert shared_s <= 1e-6 or (is_cut and shared_s == pytest.approx(rules.SHARED_S))


def test_short_pauses_stay_inside_an_utterance_and_long_ones_end_it() -> None:
    probabilities = sound((0.9, 2), (0, 0.8), (0.9, 2), (0, 1.5), (0.9, 2))
    spans = utterances(speech_ranges(probabilities, STEP_S), probabilities, STEP_S)
    assert [round(span.length_s) for span in spans] == [5, 2]


def test_speech_without_a_pause_is_cut_where_it_is_least_probable() -> None:
    probabilities = sound((0.9, 12), (0.6, 0.3), (0.9, 8))
    left, right = utterances([Span(0, 20.3)], probabilities, STEP_S)
    assert left.end_s - rules.SHARED_S / 2 == pytest.approx(12.15, abs=0.15)
    assert left.end_s - right.start_s == pytest.approx(rules.SHARED_S)


def test_a_window_grows_until_it_is_long_enough() -> None:
    assert windows.cut(sound((0.0, windows.AIM_S - 1)), STEP_S) is None


def test_a_window_is_cut_in_its_longest_silence() -> None:
    found = windows.cut(sound((0.9, 15), (0, 2), (0.9, 5), (0, 0.5), (0.9, 10)), STEP_S)
    assert found is not None
    assert found.end == found.next_start
    assert found.end * STEP_S == pytest.approx(16, abs=0.1)


def test_a_window_without_a_silence_grows_and_is_then_cut_with_shared_sound() -> None:
    assert windows.cut(sound((0.9, windows.LONGEST_S - 1)), STEP_S) is None
    found = windows.cut(sound((0.9, windows.LONGEST_S + 0.5)), STEP_S)
    assert found is not None
    assert (found.end - found.next_start) * STEP_S == pytest.approx(rules.SHARED_S, abs=STEP_S)


@given(st.lists(stretches, max_size=40))
def test_a_cut_always_leaves_room_to_go_on(parts: list[tuple[float, int]]) -> None:
    probabilities = [probability for probability, steps in parts for _ in range(steps)]
    if (found := windows.cut(probabilities, STEP_S)) is not None:
        assert 0 < found.next_start <= found.end <= len(probabilities)
