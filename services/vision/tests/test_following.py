"""Between searches a face is where its points are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_vision import work
from clipmill_vision.domain.faces import Box, Face, iou
from clipmill_vision.domain.following import Followed
from clipmill_vision.domain.mouth import square_about
from clipmill_vision.exchange import Effort, Part, Request, Seen, Shown
from clipmill_vision.models.blazeface import BlazeFace
from clipmill_vision.work import look

from .made_videos import steady, write_video

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"
WIDE = Shown(1280, 720, 0)
SIDE = 192


def points_at(x: float, y: float, about: Box) -> np.ndarray:
    """Points about a place of the shown picture, in pixels of the square about a face's box."""
    square = square_about(about, WIDE.width, WIDE.height)
    place = (x - square.x0) / (square.x1 - square.x0), (y - square.y0) / (square.y1 - square.y0)
    return (np.array(place) * SIDE + np.random.default_rng(1).permuted(np.linspace(-20, 20, 468))[:, None]).astype("f4")


def middle(box: Box) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def test_a_face_moves_as_its_points_do_and_keeps_its_size() -> None:
    followed = Followed(Face(0.0, Box(0.4, 0.2, 0.5, 0.4), 0.9))
    for step in range(20):
        # The points' middle lies a little below the box's.
        points = points_at(0.45 + 0.01 * step, 0.32, followed.box)
        followed.look(step / 5, points, SIDE, WIDE.width, WIDE.height)
        assert middle(followed.box) == pytest.approx((0.45 + 0.01 * step, 0.3), abs=1e-5)
    followed.again(4.0)
    assert followed.face.time_s == 4.0
    assert followed.face.box.width == pytest.approx(0.1)
    assert followed.face.mouths == []


@pytest.mark.parametrize("gone", ["no face", "out of the picture"])
def test_a_face_that_is_lost_is_not_followed(gone: str) -> None:
    followed = Followed(Face(0.0, Box(0.9, 0.2, 1.0, 0.4), 0.9))
    assert not followed.is_seen
    followed.look(0.0, points_at(0.95, 0.3, followed.box), SIDE, WIDE.width, WIDE.height)
    assert followed.is_seen
    points = None if gone == "no face" else points_at(1.01, 0.3, followed.box)
    followed.look(0.2, points, SIDE, WIDE.width, WIDE.height)
    assert not followed.is_seen


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    class Counted(BlazeFace):
        def find(self, *arguments: object) -> list:  # type: ignore[override]
            counted.append(1)
            return super().find(*arguments)

    counted: list[int] = []
    finder = Counted()
    monkeypatch.setattr(work, "_blazeface", lambda: finder)
    yield counted


def seen(path: Path, end_s: float, **effort: bool) -> Seen:
    return look(
        Request(Part(path, 0, 0.0, 0.0, end_s), WIDE, Effort(2.0, 0.65, deblock=False, **effort)), lambda _: None
    )


def test_two_who_are_followed_are_searched_half_as_often_and_found_as_often(searches: list[int]) -> None:
    # The sample begins with both persons in one picture.
    found = seen(SAMPLE, 6.0)
    assert len(found.searched_s) == pytest.approx(12, abs=1)
    assert len(searches) == pytest.approx(len(found.searched_s) / 2, abs=1)
    assert [len(track) for track in found.tracks] == [len(found.searched_s)] * 2


def test_where_every_search_is_wanted_nobody_is_followed(searches: list[int]) -> None:
    found = seen(SAMPLE, 6.0, search_less_when_still=False)
    assert len(searches) == len(found.searched_s)


def test_faces_that_move_are_found_where_they_are_without_a_search(tmp_path: Path, searches: list[int]) -> None:
    with av.open(str(SAMPLE)) as container:
        both = next(container.decode(video=0)).to_ndarray(format="rgb24")
    # The camera turns slowly: two hundred pixels in four seconds.
    moving = [np.roll(both, 2 * number, axis=1) for number in range(100)]
    path = write_video(tmp_path / "a.mp4", moving, steady(100))
    followed, followed_searches = seen(path, 4.0), len(searches)
    searched = seen(path, 4.0, search_less_when_still=False)
    assert followed_searches < len(searches) - followed_searches
    for track in followed.tracks:
        for face in track:
            truth = [f.box for t in searched.tracks for f in t if abs(f.time_s - face.time_s) < 0.01]
            assert max(iou(face.box, box) for box in truth) > 0.8
        assert all(a.box.x0 < b.box.x0 for a, b in pairwise(track))
