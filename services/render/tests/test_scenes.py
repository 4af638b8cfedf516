"""Each shot's layout: a window on one face, one each for several, a slide with its speaker, or the whole picture."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from clipmill_render.domain.cells import MAX_CELL_ENLARGEMENT
from clipmill_render.domain.clock import Seen
from clipmill_render.domain.faces import Face, Shot
from clipmill_render.domain.graph import Timing, segments_of
from clipmill_render.domain.interest import Interest
from clipmill_render.domain.layout import Layout, layout_for
from clipmill_render.domain.scenes import Scene, scenes_of
from clipmill_render.domain.speakers import Turn
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.clips.v1 import clips_pb2 as clips
from clipmill.common.v1.common_pb2 import PROFILE_FAST

VERTICAL = layout_for(clips.ASPECT_9_16, PROFILE_FAST, 1280, 720)
SQUARE = layout_for(clips.ASPECT_1_1, PROFILE_FAST, 1280, 720)
SHOT = Shot(0, 10)


def person(x: float, size: float = 0.15, shot: Shot = SHOT) -> list[Face]:
    """A face that stays; `size` is its height, its width the same in pixels of 16:9."""
    half = size * 9 / 16 / 2
    times = np.arange(shot.start_s, shot.end_s, 0.2)
    return [Face(float(t), x - half, 0.4 - size / 2, x + half, 0.4 + size / 2, 0.9) for t in times]


def turns(*tracks: int, length_s: float = 2.5) -> list[Turn]:
    return [Turn(n * length_s, (n + 1) * length_s, track, 0.9) for n, track in enumerate(tracks)]


def scene(
    *people: list[Face],
    turns: list[Turn] = [],  # noqa: B006 (not changed)
    layout: Layout = VERTICAL,
    asked: int = clips.LAYOUT_AUTO,
    screen: bool = False,
    interests: list[Interest] = [],  # noqa: B006
) -> Scene:
    seen = Seen([SHOT], list(people), [], interests, [SHOT] if screen else [])
    (made,) = scenes_of(layout, seen, turns, asked)
    return made


def test_one_face_is_followed_in_the_whole_frame():
    found = scene(person(0.3))
    assert (found.layout, len(found.glides), found.cells) == (clips.LAYOUT_FILL, 1, ())


def test_two_who_talk_in_turns_far_apart_get_a_window_each_the_left_one_first():
    found = scene(person(0.75), person(0.25), turns=turns(0, 1, 0, 1))
    assert found.layout == clips.LAYOUT_SPLIT
    assert [(cell.left, cell.top, cell.width, cell.height) for cell in found.cells] == [
        (0, 0, 720, 640),
        (0, 640, 720, 640),
    ]
    for cell, x in zip(found.cells, (0.25, 0.75), strict=True):
        assert cell.across.controls == pytest.approx((x,))
        # Of the other's face nothing is seen.
        assert abs(x - 0.5) + 0.25 - 0.05 > cell.window_width / 2
    assert "in turns" in found.reason


def test_two_near_each_other_need_no_split():
    assert scene(person(0.45), person(0.55), turns=turns(0, 1, 0, 1)).layout == clips.LAYOUT_FILL


def test_of_two_the_only_one_who_talks_is_followed():
    found = scene(person(0.25), person(0.75), turns=turns(1, 1, 1))
    assert found.layout == clips.LAYOUT_FILL
    assert found.glides[0].controls == pytest.approx((0.75,))


def test_where_it_is_not_known_which_of_two_speaks_both_are_shown():
    assert scene(person(0.25), person(0.75)).layout == clips.LAYOUT_SPLIT


def test_in_a_square_two_windows_stand_side_by_side():
    found = scene(person(0.1), person(0.9), turns=turns(0, 1), layout=SQUARE)
    assert [(cell.left, cell.top, cell.width) for cell in found.cells] == [(0, 0, 360), (360, 0, 360)]


@pytest.mark.parametrize(
    ("count", "layout"), [(3, clips.LAYOUT_THREE), (4, clips.LAYOUT_FOUR), (5, clips.LAYOUT_FIT), (9, clips.LAYOUT_FIT)]
)
def test_three_and_four_share_the_frame_and_more_are_shown_whole(count: int, layout: int):
    people = [person((n + 0.5) / count, size=0.14) for n in range(count)]
    assert scene(*people).layout == layout


def test_a_slide_with_a_small_face_is_shown_whole_above_the_face():
    found = scene(person(0.9, size=0.12), screen=True)
    assert found.layout == clips.LAYOUT_SCREEN_AND_FACE
    slide, face = found.cells
    assert slide.is_whole
    assert (slide.width, slide.height) == (720, 404)
    assert face.top >= slide.top + slide.height
    assert face.top + face.height <= 1280


def test_of_a_slide_alone_nothing_is_cut_off():
    assert scene(screen=True).layout == clips.LAYOUT_FIT


def test_with_nothing_to_follow_the_whole_picture_is_shown_unless_something_strikes():
    assert scene().layout == clips.LAYOUT_FIT
    strikes = Interest(SHOT, [0.0] * 40 + [0.125] * 8, [1 / 48] * 48)
    found = scene(interests=[strikes])
    assert found.layout == clips.LAYOUT_FILL
    assert found.glides[0].controls[0] > 0.7


def test_a_face_wider_than_the_window_is_shown_whole():
    assert scene(person(0.5, size=0.9)).layout == clips.LAYOUT_FIT


def test_what_is_asked_for_is_done():
    two = person(0.25), person(0.75)
    assert scene(*two, asked=clips.LAYOUT_FILL).layout == clips.LAYOUT_FILL
    assert scene(*two, asked=clips.LAYOUT_FIT).layout == clips.LAYOUT_FIT
    assert scene(*two, turns=turns(0, 0, 0, 0), asked=clips.LAYOUT_SPLIT).layout == clips.LAYOUT_SPLIT
    assert scene(two[0], asked=clips.LAYOUT_SPLIT).layout == clips.LAYOUT_FILL


def test_the_aspect_source_is_left_as_it_is():
    source = layout_for(clips.ASPECT_SOURCE, PROFILE_FAST, 1280, 720)
    found = scene(person(0.25), person(0.75), turns=turns(0, 1), layout=source)
    assert (found.layout, found.cells) == (clips.LAYOUT_FILL, ())


def test_the_layout_changes_in_the_very_frame_of_the_shot_change():
    shots = [Shot(0, 4.01), Shot(4.01, 7), Shot(7, 10)]
    seen = Seen(shots, [person(0.25, shot=shots[0]), person(0.75, shot=shots[0]), person(0.5, shot=shots[1])], [])
    scenes = scenes_of(VERTICAL, seen, [], clips.LAYOUT_AUTO)
    assert [found.layout for found in scenes] == [clips.LAYOUT_SPLIT, clips.LAYOUT_FILL, clips.LAYOUT_FIT]
    found = segments_of(scenes, Timing(250, "25/1", 25.0))
    assert [(segment.first, segment.end) for segment in found] == [(0, 100), (100, 175), (175, 250)]


def test_neighbours_that_are_made_alike_are_made_at_once():
    shots = [Shot(n, n + 1) for n in range(10)]
    for asked in (clips.LAYOUT_FILL, clips.LAYOUT_FIT):
        scenes = scenes_of(VERTICAL, Seen(shots, [], []), [], asked)
        assert len(segments_of(scenes, Timing(250, "25/1", 25.0))) == 1


shares = st.floats(0.05, 0.95)


@settings(deadline=None)
@given(
    st.lists(st.tuples(shares, st.floats(0.05, 0.6)), max_size=6),
    st.sampled_from([clips.ASPECT_9_16, clips.ASPECT_1_1, clips.ASPECT_16_9]),
    st.sampled_from([(1280, 720), (720, 1280), (704, 576), (3840, 1600)]),
    st.booleans(),
)
def test_cells_lie_in_the_frame_beside_each_other_and_their_windows_in_the_picture(people, aspect, size, screen):
    layout = layout_for(aspect, PROFILE_FAST, *size)
    found = scene(*(person(x, s) for x, s in people), layout=layout, screen=screen, asked=clips.LAYOUT_SPLIT)
    for cell in found.cells:
        assert cell.left % 2 == cell.top % 2 == cell.width % 2 == cell.height % 2 == 0
        assert 0 <= cell.left <= layout.width - cell.width
        assert 0 <= cell.top <= layout.height - cell.height
        for glide, window in ((cell.across, cell.window_width), (cell.down, cell.window_height)):
            assert all(window / 2 - 1e-9 <= at <= 1 - window / 2 + 1e-9 for at in glide.controls)
        # Shown without being squeezed, and not enlarged to mush.
        ratio = cell.window_width * layout.shown_width / (cell.window_height * layout.shown_height)
        assert ratio == pytest.approx(cell.width / cell.height, rel=0.02)
        if not cell.is_whole:
            assert cell.height <= cell.window_height * layout.shown_height * MAX_CELL_ENLARGEMENT + 1
    for one, other in itertools.combinations(found.cells, 2):
        assert (
            one.left + one.width <= other.left
            or other.left + other.width <= one.left
            or one.top + one.height <= other.top
            or other.top + other.height <= one.top
        )
