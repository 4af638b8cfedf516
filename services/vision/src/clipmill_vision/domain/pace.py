"""When to search a picture for faces: that is what seeing costs most."""

from __future__ import annotations

import math
from collections.abc import Sequence

from clipmill_vision.domain.faces import Box, iou
from clipmill_vision.domain.thumbnail import Plane, plane_change

# While so many searches of a shot in a row told nothing new, every other one is left out.
NOTHING_NEW = 2
# A lone face is where it was when its boxes share so much (IoU). Of two or more the mouths are looked at between
# searches, where they were found last: with half of the searches it was said of 74 of the sample's 84 moments who
# speaks, not of 83.
STILL = 0.7
# In 8-bit levels of luma: a picture that differs less from the one searched last shows the same faces.
UNCHANGED = 0.1


class SearchPace:
    """Asked of every frame, in order of time; told what each search found."""

    def __init__(self, searches_per_s: float, *, less_when_still: bool = True) -> None:
        self._every_s = 1 / searches_per_s
        self._next_s = -math.inf
        self._less_when_still = less_when_still
        self._nothing_new = 0
        self._before: Sequence[Box] = ()
        self._searched: Plane | None = None

    def is_due(self, time_s: float, *, is_new_shot: bool) -> bool:
        """True when the frame is to be searched; a shot's first frame always is."""
        if is_new_shot:
            self._nothing_new, self._before = 0, ()
        elif time_s < self._next_s:
            return False
        every_s = self._every_s * (2 if self._less_when_still and self._nothing_new >= NOTHING_NEW else 1)
        # On a grid: counted from each search the rate would fall to the next whole number of frames.
        following_s = time_s if is_new_shot else self._next_s
        self._next_s = max(following_s + every_s, time_s + every_s / 2)
        return True

    def is_changed(self, luma: Plane) -> bool:
        """True when the picture is not the one searched last, which it is from now on."""
        before, self._searched = self._searched, luma
        return before is None or before.shape != luma.shape or plane_change(before, luma) >= UNCHANGED

    def found(self, faces: Sequence[Box]) -> None:
        before, self._before = self._before, faces
        still = not faces or (len(faces) == len(before) == 1 and iou(faces[0], before[0]) >= STILL)
        self._nothing_new = self._nothing_new + 1 if still else 0
