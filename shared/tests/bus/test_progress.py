"""Commits never pass an unfinished record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill_shared.bus.progress import Progress


@st.composite
def deliveries_and_finishes(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Rising offsets with gaps, finished in any order, some never; deliveries and finishes interleaved."""
    offsets = sorted(draw(st.sets(st.integers(0, 500), min_size=1, max_size=40)))
    steps: list[tuple[str, int]] = []
    waiting: list[int] = []
    for offset in offsets:
        steps.append(("delivered", offset))
        waiting.append(offset)
        for _ in range(draw(st.integers(0, 2))):
            if waiting:
                steps.append(("finished", waiting.pop(draw(st.integers(0, len(waiting) - 1)))))
    for _ in range(draw(st.integers(0, len(waiting)))):
        steps.append(("finished", waiting.pop(draw(st.integers(0, len(waiting) - 1)))))
    return steps


@given(deliveries_and_finishes())
def test_the_position_lies_behind_what_is_finished_and_before_what_is_not(steps: list[tuple[str, int]]) -> None:
    progress, delivered, finished, last = Progress(), set[int](), set[int](), 0
    for what, offset in steps:
        if what == "delivered":
            progress.delivered([offset])
            delivered.add(offset)
        else:
            progress.finished(offset)
            finished.add(offset)
        position = progress.position
        unfinished = delivered - finished
        before_first_open = {o for o in finished if o < min(unfinished, default=501)}
        # Safe: nothing unfinished lies before it. As far as it may be: behind the last of the finished prefix.
        assert position == (max(before_first_open) + 1 if before_first_open else None)
        assert (position or 0) >= last, "a position went back"
        last = position or 0


def test_an_offset_that_does_not_lie_behind_the_others_is_refused() -> None:
    progress = Progress()
    progress.delivered([7])
    for offset in (7, 3):
        with pytest.raises(ValueError):
            progress.delivered([offset])
