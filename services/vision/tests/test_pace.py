"""Faces are searched where they may be, and not where nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clipmill_vision.domain.faces import Box
from clipmill_vision.domain.pace import SearchPace
from clipmill_vision.exchange import Effort, Part, Request, Seen, Shown
from clipmill_vision.models.blazeface import BlazeFace
from clipmill_vision.work import look
from hypothesis import given
from hypothesis import strategies as st

from .made_videos import Picture, scene, steady, write_video

Faces = Callable[[float], list[Box]]


def nobody(_: float) -> list[Box]:
    return []


def somebody_still(_: float) -> list[Box]:
    return [Box(0.4, 0.2, 0.6, 0.5)]


def somebody_who_walks(time_s: float) -> list[Box]:
    x0 = 0.7 * time_s % 0.8
    return [Box(x0, 0.2, x0 + 0.1, 0.4)]


def searched(pace: SearchPace, times_s: list[float], *, faces: Faces, cuts: tuple[float, ...] = ()) -> list[float]:
    found: list[float] = []
    for time_s in times_s:
        if pace.is_due(time_s, is_new_shot=time_s in cuts):
            pace.found(faces(time_s))
            found.append(time_s)
    return found


@given(st.floats(1, 240), st.sampled_from([2.0, 8.0]))
def test_where_faces_move_searches_keep_their_rate_at_any_frame_rate(fps: float, rate: float) -> None:
    times = searched(SearchPace(rate), steady(round(10 * fps), fps), faces=somebody_who_walks)
    assert len(times) == pytest.approx(10 * min(rate, fps), rel=0.12, abs=2)


def test_a_shot_without_faces_is_searched_half_as_often_until_the_next() -> None:
    found = searched(SearchPace(2.0), steady(250), faces=nobody, cuts=(0.0, 6.0))
    assert found == pytest.approx([0, 0.52, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.52, 7.0, 8.0, 9.0], abs=0.05)


def test_a_lone_face_that_keeps_still_is_searched_half_as_often_until_it_moves() -> None:
    def faces(time_s: float) -> list[Box]:
        return somebody_still(time_s) if time_s < 4 else somebody_who_walks(time_s)

    found = searched(SearchPace(2.0), steady(200), faces=faces, cuts=(0.0,))
    assert found == pytest.approx([0, 0.52, 1.0, 1.52, 2.52, 3.52, 4.52, 5.52, 6.0, 6.52, 7.0, 7.52], abs=0.05)


def test_of_two_faces_none_is_left_out() -> None:
    times = searched(SearchPace(2.0), steady(250), faces=lambda t: 2 * somebody_still(t))
    assert len(times) == pytest.approx(20, abs=1)


def test_the_profile_best_searches_on() -> None:
    assert len(searched(SearchPace(8.0, less_when_still=False), steady(250), faces=nobody)) == pytest.approx(80, abs=2)


def test_a_picture_that_has_not_changed_is_told_from_one_that_has() -> None:
    pace, luma = SearchPace(2.0), np.full((90, 160), 100, np.uint8)
    moved = luma.copy()
    moved[40:50, 40:50] += 40
    assert [pace.is_changed(x) for x in (luma, luma, moved, moved, luma[:, ::2])] == [True, False, True, False, True]


class _Counted(BlazeFace):
    searches = 0

    def find(self, *arguments: object) -> list:  # type: ignore[override]
        _Counted.searches += 1
        return super().find(*arguments)


def seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Seen, int]:
    counted = _Counted()
    _Counted.searches = 0
    monkeypatch.setattr("clipmill_vision.work._blazeface", lambda: counted)
    request = Request(Part(path, 0, 0.0, 0.0, 8.0), Shown(320, 180, 0), Effort(2.0, 0.65, deblock=True))
    return look(request, lambda _: None), _Counted.searches


def test_a_slide_that_stands_is_searched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slides: list[Picture] = [scene(1)] * 100 + [scene(2)] * 100
    result, searches = seen(write_video(tmp_path / "a.mp4", slides, steady(200), keys_every=250), monkeypatch)
    assert len(result.shots) == 2
    # The first search of a slide may still see how the codec refines it.
    assert searches <= 4 < len(result.searched_s)
