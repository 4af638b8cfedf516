"""One mapping from the source's time to the clip's: exact, ascending, and the same for frames, words and sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from clipmill_render.domain.captions import SpokenWord
from clipmill_render.domain.cutting import fillers_in, pauses_in
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.timeline import SHORTEST_GAP_S, Span, Timeline, timeline_of
from clipmill_render.editing import fillers_of
from clipmill_render.sound import joined, with_silence
from hypothesis import example, given
from hypothesis import strategies as st

LENGTH_S = 30.0
gaps = st.lists(
    st.builds(lambda at, long: Span(at, min(at + long, LENGTH_S)), st.floats(0, 29.5), st.floats(0, 6)), max_size=8
)
timelines = gaps.map(lambda removed: timeline_of(LENGTH_S, [], removed))


@given(timelines, st.lists(st.floats(0, LENGTH_S), min_size=2, max_size=20))
def test_clip_time_ascends_with_source_time(timeline: Timeline, moments: list[float]):
    mapped = [timeline.clip_s(moment) for moment in sorted(moments)]
    assert mapped == sorted(mapped)
    assert 0 <= mapped[0] <= mapped[-1] <= timeline.duration_s + 1e-9


@given(timelines, st.floats(0, 1, exclude_max=True))
def test_a_moment_of_the_clip_is_one_of_the_source_and_the_other_way_round(timeline: Timeline, share: float):
    moment = share * timeline.duration_s
    source_s = timeline.source_s(moment)
    assert timeline.clip_s(source_s) == pytest.approx(moment, abs=1e-9)
    assert any(piece.start_s - 1e-9 <= source_s <= piece.end_s + 1e-9 for piece in timeline.pieces)


@given(timelines)
def test_pieces_are_in_order_apart_and_as_long_as_the_clip(timeline: Timeline):
    edges = [edge for piece in timeline.pieces for edge in (piece.start_s, piece.end_s)]
    assert edges == sorted(edges)
    assert sum(piece.length_s for piece in timeline.pieces) == pytest.approx(timeline.duration_s)
    for before, after in pairwise(timeline.pieces):
        assert after.start_s - before.end_s >= SHORTEST_GAP_S


@given(gaps)
def test_what_is_removed_is_not_kept(removed: list[Span]):
    timeline = timeline_of(LENGTH_S, [], removed)
    if timeline.duration_s == LENGTH_S:
        return
    for gap in removed:
        if gap.length_s >= SHORTEST_GAP_S:
            assert not timeline.keeps((gap.start_s + gap.end_s) / 2)


@given(timelines, st.sampled_from([10.0, 24000 / 1001, 25.0, 60.0]))
@example(Timeline((Span(1.5, 30.0),)), 25.0)
def test_frames_are_those_of_the_mapping_each_once_and_in_order(timeline: Timeline, fps: float):
    count = max(1, round(timeline.duration_s * fps))
    chosen = [n for first, last in timeline.frames(fps, count) for n in range(first, last + 1)]
    assert len(chosen) == count
    assert all(a < b for a, b in pairwise(chosen))
    for frame, number in enumerate(chosen):
        assert abs(number / fps - timeline.source_s(frame / fps)) <= 0.5 / fps + 1e-6


@given(timelines)
def test_sound_is_as_long_as_the_clip_and_each_sample_is_where_its_moment_is(timeline: Timeline):
    rate_hz = 1000
    samples = np.repeat(np.arange(rate_hz * LENGTH_S, dtype=np.float32)[:, None], 2, axis=1)
    made = joined(samples, timeline.pieces, rate_hz)
    assert abs(len(made) / rate_hz - timeline.duration_s) <= 0.001 * (len(timeline.pieces) + 1)
    for number, at in enumerate(made[:: rate_hz // 2, 0]):
        moment = number / 2
        near_join = any(abs(moment - join) < 0.02 for join in (*timeline.joins_s, timeline.duration_s))
        if not near_join and moment < timeline.duration_s:
            assert abs(at / rate_hz - timeline.source_s(moment)) <= 0.001 * (len(timeline.pieces) + 1)


def test_a_join_does_not_click():
    rate_hz = 48000
    samples = np.repeat(np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)[:, None], 2, axis=1).astype(np.float32)
    # A quarter of a wave is left out: cut hard, the sound would leap.
    pieces = [Span(0.0, 0.3), Span(0.3 + 0.2505682, 1.0)]
    leaps = np.abs(np.diff(joined(samples, pieces, rate_hz)[:, 0])).max()
    hard = np.concatenate([samples[:14400, 0], samples[round(pieces[1].start_s * rate_hz) :, 0]])
    assert leaps < 1.5 * np.abs(np.diff(samples[:, 0])).max() < np.abs(np.diff(hard)).max()


def test_a_coarse_word_is_silent_and_nothing_else():
    samples = np.ones((1000, 2), np.float32)
    made = with_silence(samples, [Shot(0.2, 0.4)], 1000)[:, 0]
    assert made[:200].min() == made[400:].min() == 1.0
    assert made[215:385].max() == 0.0


def spoken(text: str, step_s: float = 0.5, long_s: float = 0.3) -> list[SpokenWord]:
    return [SpokenWord(word, n * step_s, n * step_s + long_s) for n, word in enumerate(text.split())]


def test_fillers_go_with_the_silence_about_them_and_words_stay():
    words = spoken("So, um, uh we like it. Um")
    removed = list(fillers_in(words, fillers_of(["en"]), 3.5))
    assert [gap.what for gap in removed] == ["um, uh", "Um"]
    assert removed[0].span == Span(pytest.approx(0.36), pytest.approx(1.44))
    assert removed[1].span.end_s == 3.5


def test_german_words_are_no_english_fillers():
    assert "um" not in fillers_of(["de"])
    assert {"ähm", "hm"} <= fillers_of(["de"])
    assert {"euh", "um"} <= fillers_of(["fr"])


@given(st.lists(st.tuples(st.floats(0.05, 1), st.floats(0, 4), st.booleans()), min_size=1, max_size=15))
def test_nothing_is_cut_inside_a_word(told: list[tuple[float, float, bool]]):
    words, now_s = [], 0.0
    for long_s, pause_s, filler in told:
        words.append(SpokenWord("um" if filler else "word", now_s, now_s + long_s))
        now_s += long_s + pause_s
    kept = [word for word in words if word.text == "word"]
    removed = [*fillers_in(words, {"um"}, now_s), *pauses_in(kept, [], 0.6)]
    timeline = timeline_of(max(now_s, 1.0), [], [gap.span for gap in removed])
    for word in kept:
        length_s = timeline.clip_s(word.end_s) - timeline.clip_s(word.start_s)
        assert length_s == pytest.approx(word.end_s - word.start_s)


def test_a_long_pause_is_shortened_but_not_where_somebody_laughs():
    one, two = SpokenWord("one", 0, 1), SpokenWord("two", 4, 5)
    (gap,) = pauses_in([one, two], [Shot(0, 1), Shot(4, 5)], 1.0)
    assert gap.span == Span(1.15, 3.85)
    laughed = [gap.span for gap in pauses_in([one, two], [Shot(2, 3)], 1.0)]
    assert laughed == [Span(1.15, 2), Span(3, 3.85)]
    assert list(pauses_in([one, two], [], 3.5)) == []
