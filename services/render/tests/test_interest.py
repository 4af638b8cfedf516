"""Where nobody's face is seen, the window stands at what strikes, if that is clearly not in the middle."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_render.domain import notes
from clipmill_render.domain.clock import Seen
from clipmill_render.domain.crop import crop_path
from clipmill_render.domain.faces import Face, Shot
from clipmill_render.domain.interest import Interest, striking_middle
from clipmill_render.domain.layout import layout_for
from clipmill_render.domain.scenes import scenes_of
from hypothesis import given
from hypothesis import strategies as st

from clipmill.clips.v1.clips_pb2 import ASPECT_9_16, LAYOUT_FILL
from clipmill.common.v1.common_pb2 import PROFILE_FAST

VERTICAL = layout_for(ASPECT_9_16, PROFILE_FAST, 1280, 720)
EVEN = [1 / 48] * 48


def interest(at: float, start_s: float = 0.0, end_s: float = 10.0, share: float = 0.6) -> Interest:
    """`share` of what strikes in one column, the rest everywhere."""
    across = np.full(48, (1 - share) / 48)
    across[int(at * 48)] += share
    return Interest(Shot(start_s, end_s), list(across), EVEN)


@given(st.lists(st.floats(0, 0.99), min_size=1, max_size=4), st.floats(0.1, 1), st.booleans())
def test_the_window_never_leaves_the_picture(places: list[float], window: float, horizontal: bool):
    middle = striking_middle([interest(at) for at in places], Shot(0, 10), window, horizontal=horizontal)
    assert window / 2 - 1e-9 <= middle <= 1 - window / 2 + 1e-9


@pytest.mark.parametrize("at", [0.05, 0.2, 0.8, 0.98])
def test_the_window_holds_what_strikes(at: float):
    (glide,) = crop_path(VERTICAL, [Shot(0, 10)], [], interests=[interest(at)]).glides
    assert not glide.follows
    assert abs(glide.controls[0] - at) <= VERTICAL.window / 2 + 1 / 48


@pytest.mark.parametrize(
    "interests", [[], [Interest(Shot(0, 10), EVEN, EVEN)], [interest(0.9, share=0.05)], [interest(0.9, 20, 30)]]
)
def test_where_nothing_strikes_clearly_the_window_stays_in_the_middle(interests: list[Interest]):
    path = crop_path(VERTICAL, [Shot(0, 10)], [], interests=interests)
    assert path.glides[0].controls == (0.5,)
    assert path.at_centre == (Shot(0, 10),)


def test_of_two_analyses_of_a_take_the_longer_counts_more():
    interests = [interest(0.1, 0, 3), interest(0.9, 3, 10)]
    assert striking_middle(interests, Shot(0, 10), VERTICAL.window, horizontal=True) > 0.7


def test_a_face_counts_more_than_anything_that_strikes():
    faces = [Face(n / 2, 0.25, 0.3, 0.35, 0.5, 0.9) for n in range(20)]
    (glide,) = crop_path(VERTICAL, [Shot(0, 10)], [faces], interests=[interest(0.9)]).glides
    assert glide.follows
    assert glide.controls[0] == pytest.approx(0.3)


def test_the_user_is_told_where_the_crop_was_a_guess_and_which():
    seen = Seen([Shot(0, 4), Shot(4, 10)], [], [], [interest(0.9, 0, 4)])
    scenes = scenes_of(VERTICAL, seen, [], LAYOUT_FILL)
    said = {note.code: note.message for note in notes.of_picture(VERTICAL, scenes)}
    assert "0.0 to 4.0 s" in said["SALIENT_CROP"]
    assert "4.0 to 10.0 s" in said["CENTRE_CROP"]
