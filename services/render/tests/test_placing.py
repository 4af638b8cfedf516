"""No line over a face: a caption stands in the free area where nobody's face is, at one place through a shot."""

from __future__ import annotations

import pytest
from clipmill_render.domain.captions import Caption, SpokenWord
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.lettering import Lettering, lettering_for
from clipmill_render.domain.placing import Block, Placed, ShownFace, placed
from hypothesis import given
from hypothesis import strategies as st

from clipmill.clips.v1.clips_pb2 import CAPTION_STYLE_KARAOKE, CaptionLook
from clipmill.looks import whole_look

WIDTH, HEIGHT = 720, 1280


def lettering(**said: object) -> Lettering:
    return lettering_for(WIDTH, HEIGHT, whole_look(CAPTION_STYLE_KARAOKE, CaptionLook(**said)))


LOOK = lettering()


def block(start_s: float, end_s: float, width: float = 400, height: float = 160) -> Block:
    caption = Caption((SpokenWord("word", start_s, end_s),), (1,), round(start_s * 100), round(end_s * 100))
    return Block(caption, width, height)


def face(time_s: float, middle: float, size: float = 200, across: float = WIDTH / 2) -> ShownFace:
    return ShownFace(time_s, across - size / 2, middle - size / 2, across + size / 2, middle + size / 2)


def overlaps(block: Block, margin: int, face: ShownFace) -> bool:
    high, low = HEIGHT - margin - block.height, HEIGHT - margin
    left, right = (WIDTH - block.width) / 2, (WIDTH + block.width) / 2
    return face.x0 < right and face.x1 > left and face.y0 < low and face.y1 > high


def test_without_faces_captions_stand_where_the_look_says():
    shots = [Shot(0, 10)]
    assert placed([block(0, 2)], [], shots, LOOK) == Placed((LOOK.bottom_margin,), ())
    middle, top = (
        placed([block(0, 2)], [], shots, lettering(place=place)).margins[0]
        for place in (CaptionLook.PLACE_MIDDLE, CaptionLook.PLACE_TOP)
    )
    assert LOOK.bottom_margin < middle < top == HEIGHT - LOOK.top_margin - 160


def test_a_line_gives_way_to_a_face_and_stays_there_through_the_shot():
    blocks = [block(n, n + 1) for n in range(6)]
    # In the first shot the face comes down into the captions' place for its last second.
    faces = [face(t, 900 if t > 2 else 400) for t in (0.5, 1.5, 2.5)] + [face(t, 400) for t in (3.5, 4.5)]
    result = placed(blocks, faces, [Shot(0, 3), Shot(3, 6)], LOOK)
    assert len(set(result.margins[:3])) == len(set(result.margins[3:])) == 1
    assert result.margins[3] == LOOK.bottom_margin != result.margins[0]
    assert not any(overlaps(block(2, 3), result.margins[2], f) for f in faces[2:3])
    assert result.over_face == ()


def test_a_face_of_another_shot_is_in_nobody_s_way():
    result = placed([block(3, 4)], [face(2.9, 900)], [Shot(0, 3), Shot(3, 6)], LOOK)
    assert result.margins == (LOOK.bottom_margin,)


def test_a_caption_that_outlasts_its_shot_for_a_moment_keeps_off_no_face_of_the_next():
    assert placed([block(2, 3.1)], [face(3.2, 900)], [Shot(0, 3), Shot(3, 6)], LOOK).margins == (LOOK.bottom_margin,)
    assert placed([block(2, 3.5)], [face(3.2, 900)], [Shot(0, 3), Shot(3, 6)], LOOK).margins != (LOOK.bottom_margin,)


def test_a_face_beside_the_line_is_in_nobody_s_way():
    assert placed([block(0, 1)], [face(0.5, 900, 100, 60)], [Shot(0, 3)], LOOK).margins == (LOOK.bottom_margin,)


def test_where_a_face_fills_the_picture_it_is_told():
    result = placed([block(0, 1)], [face(0.5, HEIGHT / 2, 1200)], [Shot(0, 3)], LOOK)
    assert len(result.over_face) == 1


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(100, 1200), st.floats(40, 250)), max_size=8),
    st.integers(1, 4),
)
def test_no_line_covers_a_face_where_any_place_is_free(seen: list[tuple[float, float, float]], cuts: int):
    faces = [face(time_s, middle, size) for time_s, middle, size in seen]
    shots = [Shot(10 * n / cuts, 10 * (n + 1) / cuts) for n in range(cuts)]
    blocks = [block(n, n + 0.9) for n in range(10)]
    result = placed(blocks, faces, shots, LOOK)
    for one, margin in zip(blocks, result.margins, strict=True):
        assert LOOK.bottom_margin <= margin <= HEIGHT - LOOK.top_margin - one.height
    for shot in shots:
        inside = [n for n, b in enumerate(blocks) if shot.start_s <= b.caption.start_cs / 100 < shot.end_s]
        if not inside:
            continue
        free = all(f.y1 + 30 < HEIGHT - LOOK.bottom_margin - 160 for f in faces)
        if free:
            assert {result.margins[n] for n in inside} == {LOOK.bottom_margin}


@pytest.mark.parametrize("place", [CaptionLook.PLACE_BOTTOM, CaptionLook.PLACE_MIDDLE, CaptionLook.PLACE_TOP])
def test_every_place_lies_in_the_free_area(place: CaptionLook.Place.ValueType):
    look = lettering(place=place)
    margin = placed([block(0, 1, 500, 700)], [face(0.5, 600)], [Shot(0, 1)], look).margins[0]
    assert margin >= look.bottom_margin
