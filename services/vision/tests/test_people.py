"""Who is who: the same person in other shots, and two people who are two."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_vision.domain.acquaintance import Acquaintance
from clipmill_vision.domain.faces import Box, Eyes, Face, Found, iou
from clipmill_vision.domain.people import EYES_Y, LEFT_X, RIGHT_X, SAME_PERSON, SIDE, Seat, people_of, seat_of
from clipmill_vision.exchange import Effort, Part, Request, Shown
from clipmill_vision.models.face_resnet import FaceResnet
from clipmill_vision.pictures import cut_out
from clipmill_vision.work import look
from hypothesis import given
from hypothesis import strategies as st

from clipmill_models.face_looks.definition import NUMBERS

from .made_videos import scene

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"
WIDE = Shown(1280, 720, 0)
HERE = Box(0.4, 0.4, 0.5, 0.5)
# dlib 20.0.1, compute_face_descriptor of the picture that is tested.
DLIB_SAYS = [-0.039023, 0.101401, 0.049318, 0.000423, -0.065152, -0.088104]


def looks(person: int, away: float = 0.0) -> np.ndarray:
    """Of `person`, `away` from the usual; two people's are 1.4 apart."""
    numbers = np.zeros(NUMBERS, np.float32)
    numbers[person], numbers[-1] = 1, away
    return numbers


def track(time_s: float, person: int | None, away: float = 0.0) -> list[Face]:
    return [Face(time_s, HERE, 0.9, looks=None if person is None else looks(person, away)), Face(time_s + 1, HERE, 0.9)]


def test_a_person_who_returns_is_known_again() -> None:
    people = people_of([track(0, 1), track(10, 2), track(20, 1, 0.2), track(30, 2, 0.3)])
    assert [person.tracks for person in people] == [(0, 2), (1, 3)]
    assert people[0].distances == pytest.approx((0.1, 0.1))
    assert people[0].confidence(0) == pytest.approx(1 - 0.1 / SAME_PERSON)
    assert people[0].looks == pytest.approx(looks(1, 0.1))


def test_two_who_are_in_one_picture_are_two_however_alike() -> None:
    twins = [track(0, 1), track(0, 1, 0.1), track(10, 1, 0.11)]
    assert [person.tracks for person in people_of(twins)] == [(0,), (1, 2)]


def test_a_track_that_nobody_looked_at_closely_is_nobodys() -> None:
    assert [person.tracks for person in people_of([track(0, None), track(10, 3)])] == [(1,)]
    assert people_of([]) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(0, 3), st.floats(0, 0.6)), max_size=12))
def test_every_track_looked_at_is_one_persons_and_none_is_in_a_picture_twice(
    made: list[tuple[int, int | None, float]],
) -> None:
    tracks = [track(time_s, person, away) for time_s, person, away in made]
    people = people_of(tracks)
    assert sorted(t for person in people for t in person.tracks) == [n for n, m in enumerate(made) if m[1] is not None]
    for person in people:
        times = [face.time_s for number in person.tracks for face in tracks[number]]
        assert len(times) == len(set(times))
        assert all(0 <= person.confidence(place) <= 1 for place in range(len(person.tracks)))


def found(x: float, *, width: float = 0.2, eyes: float = 0.4) -> Found:
    left = x + width * (0.5 - eyes / 2)
    return Found(Box(x, 0.2, x + width, 0.5), 0.9, Eyes(left, 0.3, left + eyes * width, 0.3))


def test_each_face_is_looked_at_as_often_as_is_enough_and_again_after_a_cut() -> None:
    acquaintance = Acquaintance(enough=2)
    asked = [acquaintance.worth_a_look([found(0.1 + 0.01 * n), found(0.5)], 1280) for n in range(4)]
    assert asked == [[True, True], [True, True], [False, False], [False, False]]
    assert acquaintance.worth_a_look([found(0.1), found(0.85, width=0.1)], 1280) == [False, True]
    acquaintance.forget()
    assert acquaintance.worth_a_look([found(0.1)], 1280) == [True]


def test_a_face_that_is_small_or_looks_away_is_waited_for() -> None:
    acquaintance = Acquaintance(enough=1)
    assert acquaintance.worth_a_look([found(0.1, width=0.07)], 1280) == [False]
    assert acquaintance.worth_a_look([found(0.1, width=0.12, eyes=0.2)], 1280) == [False]
    assert acquaintance.worth_a_look([found(0.1, width=0.12)], 1280) == [True]


@given(st.floats(100, 600), st.floats(100, 400), st.floats(20, 200), st.floats(-1, 1))
def test_the_eyes_come_to_lie_where_the_network_wants_them(x: float, y: float, apart: float, turn: float) -> None:
    dx, dy = apart / 2 * np.cos(turn), apart / 2 * np.sin(turn)
    seat = seat_of(Eyes((x - dx) / 1280, (y - dy) / 720, (x + dx) / 1280, (y + dy) / 720), 1280, 720)
    for sign, wanted in ((-1, LEFT_X), (1, RIGHT_X)):
        right, down = x + sign * dx - seat.x, y + sign * dy - seat.y
        across = right * np.cos(seat.turn) + down * np.sin(seat.turn)
        along = -right * np.sin(seat.turn) + down * np.cos(seat.turn)
        assert across / seat.side + 0.5 == pytest.approx(wanted)
        assert along / seat.side + 0.5 == pytest.approx(EYES_Y)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_square_is_cut_out_of_a_turned_picture(turn: int) -> None:
    picture = scene(3, 320, 180)
    coded = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(picture, turn // 90)), format="rgb24")
    # A square that hangs over by a quarter turn: its right is the picture's down.
    hung = cut_out(coded, Shown(320, 180, turn), Seat(180, 110, 60, np.pi / 2), 60, smooth=True)
    assert np.corrcoef(np.rot90(hung, -1).ravel(), picture[80:140, 150:210].ravel())[0, 1] > 0.95


def test_the_network_answers_as_dlib_does() -> None:
    picture = np.kron(np.arange(225).reshape(15, 15, 1) * [1, 2, 3] % 256, np.ones((10, 10, 1))).astype(np.uint8)
    assert picture.shape == (SIDE, SIDE, 3)
    assert FaceResnet().numbers_of(picture)[:6] == pytest.approx(DLIB_SAYS, abs=1e-5)


@pytest.fixture(scope="module")
def sample_seen():
    effort = Effort(2.0, 0.65, deblock=False, looks_per_track=1)
    return look(Request(Part(SAMPLE, 0, 0.0, 0.0, 40.0), WIDE, effort), lambda _: None)


def test_in_the_sample_host_and_guest_are_two_people_in_every_shot(sample_seen) -> None:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())["faces"]

    def name_of(face: Face) -> str | None:
        boxes = min(truth, key=lambda entry: abs(entry["t_s"] - face.time_s))["boxes"]
        return next((b["person"] for b in boxes if iou(Box(b["x0"], b["y0"], b["x1"], b["y1"]), face.box) > 0.3), None)

    names = [
        {name for number in person.tracks for face in sample_seen.tracks[number] if (name := name_of(face))}
        for person in sample_seen.people
    ]
    assert names == [{"host"}, {"guest"}]
    assert sorted(t for person in sample_seen.people for t in person.tracks) == list(range(len(sample_seen.tracks)))
