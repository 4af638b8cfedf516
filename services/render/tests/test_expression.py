"""The crop path that ffmpeg computes is the one that was solved."""

from __future__ import annotations

import math

import numpy as np
from clipmill_render.domain.expression import expression_of, pieces_of
from hypothesis import given
from hypothesis import strategies as st


def evaluated(expression: str, t: float) -> float:
    """What ffmpeg makes of the expression."""
    names = {"t": t, "iff": lambda condition, yes, no: yes if condition else no, "lt": lambda a, b: a < b}
    return float(eval(expression.replace("if(", "iff("), {"__builtins__": {}}, names))


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=80), st.sampled_from([24000 / 1001, 25.0, 60.0]))
def test_every_frame_gets_its_place(values: list[float], fps: float):
    pieces = pieces_of(np.array(values), 0.25)
    expression = expression_of(pieces, fps)
    for number, value in enumerate(values):
        assert math.isclose(evaluated(expression, number / fps), value, abs_tol=0.26)


def test_places_that_stand_are_one_piece_each():
    values = np.array([10.0] * 30 + [200.0] * 30)
    assert expression_of(pieces_of(values, 0.0), 25.0) == "if(lt(t,1.180000),10.000,200.000)"


def test_a_straight_walk_is_one_piece():
    assert len(pieces_of(np.arange(100) * 1.5, 0.25)) == 1
