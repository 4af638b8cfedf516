"""When to search a picture for faces: that is what seeing costs most."""

from __future__ import annotations

import math

from clipmill_vision.domain.thumbnail import Plane, plane_change

# While so many searches of a shot in a row found nobody, every other one is left out.
SEARCHES_IN_VAIN = 2
# In 8-bit levels of luma: a picture that differs less from the one searched last shows the same faces.
UNCHANGED = 0.1


class SearchPace:
    """Asked of every frame, in order of time; told what each search found."""

    def __init__(self, searches_per_s: float, *, less_in_vain: bool = True) -> None:
        self._every_s = 1 / searches_per_s
        self._next_s = -math.inf
        self._less_in_vain = less_in_vain
        self._in_vain = 0
        self._searched: Plane | None = None

    def is_due(self, time_s: float, *, is_new_shot: bool) -> bool:
        """True when the frame is to be searched; a shot's first frame always is."""
        if is_new_shot:
            self._in_vain = 0
        elif time_s < self._next_s:
            return False
        every_s = self._every_s * (2 if self._less_in_vain and self._in_vain >= SEARCHES_IN_VAIN else 1)
        # On a grid: counted from each search the rate would fall to the next whole number of frames.
        following_s = time_s if is_new_shot else self._next_s
        self._next_s = max(following_s + every_s, time_s + every_s / 2)
        return True

    def is_changed(self, luma: Plane) -> bool:
        """True when the picture is not the one searched last, which it is from now on."""
        before, self._searched = self._searched, luma
        return before is None or before.shape != luma.shape or plane_change(before, luma) >= UNCHANGED

    def found(self, *, anybody: bool) -> None:
        self._in_vain = 0 if anybody else self._in_vain + 1
