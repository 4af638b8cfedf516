"""Hard cuts: frames whose picture has nothing to do with the one before, and stays.

Why not scenedetect's AdaptiveDetector: fed with the same thumbnails it finds the same cuts in the test recordings, but
costs .07 to .09 ms a frame against .03 here (it needs BGR, then HSV), takes a flash for a cut (its two edges are the
only changes in each other's windows), calls the first frame of a dissolve a cut (nasa_13013, at 5.1 s), and cannot see
the last two frames of a part. The idea, a change measured against its neighbours, is its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from clipmill_vision.domain.thumbnail import Thumbnail, change

# Changes are compared with those this near on both sides, and a picture must stay as long: what flashes is no cut.
WINDOW_S = 0.2
# No shot is shorter.
MIN_SHOT_S = 0.2
# In 8-bit levels over the planes: the test recordings' cuts change 45 to 100, their strongest motion 12.
MIN_CHANGE = 15.0
# A cut changes this many times as much as its neighbours do on average.
MIN_RATIO = 3.0
# Across a cut the pictures a window before and a window after still differ by this share of the change at the cut.
MIN_REMAINING = 0.5


@dataclass(frozen=True)
class _Seen:
    time_s: float
    thumbnail: Thumbnail
    change: float


class CutFinder:
    """Takes a part's frames in order of time; decides about each as soon as the window after it is full."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque()
        # Index in _seen of the next frame to decide about.
        self._undecided = 0
        self._begin_s: float | None = None
        self._cuts: list[float] = []

    def add(self, time_s: float, thumbnail: Thumbnail) -> bool:
        """Take the next frame. True when it looks like the beginning of a shot, before that can be known."""
        if self._begin_s is None:
            self._begin_s = time_s
        changed = change(self._seen[-1].thumbnail, thumbnail) if self._seen else 0.0
        before = [seen.change for seen in self._seen if seen.time_s >= time_s - WINDOW_S]
        is_first = not self._seen
        self._seen.append(_Seen(time_s, thumbnail, changed))
        while self._seen[self._undecided].time_s + WINDOW_S < time_s:
            self._decide()
        return is_first or _stands_out(changed, before)

    def finish(self, end_s: float) -> list[float]:
        """The times of all cuts: each the time of a shot's first frame. `end_s` is where the part ends."""
        while self._undecided < len(self._seen):
            self._decide()
        return [cut for cut in self._cuts if end_s - cut >= MIN_SHOT_S]

    def is_cut(self, from_s: float, before_s: float) -> bool:
        """True when a shot begins in the range; to be asked after `finish`."""
        return any(from_s <= cut < before_s for cut in self._cuts)

    def _decide(self) -> None:
        seen, here = self._seen, self._seen[self._undecided]
        last = self._cuts[-1] if self._cuts else self._begin_s
        if last is not None and here.time_s - last >= MIN_SHOT_S and self._is_cut(here):
            self._cuts.append(here.time_s)
        self._undecided += 1
        # One frame from before the window is kept: the picture that there was.
        while self._undecided > 1 and seen[1].time_s < seen[self._undecided - 1].time_s - WINDOW_S:
            seen.popleft()
            self._undecided -= 1

    def _is_cut(self, here: _Seen) -> bool:
        if here.change < MIN_CHANGE:
            return False
        near = [s for s in self._seen if abs(s.time_s - here.time_s) <= WINDOW_S]
        if not _stands_out(here.change, [s.change for s in near if s is not here]):
            return False
        before = next(s for s in reversed(self._seen) if s.time_s < max(here.time_s - WINDOW_S, self._second_s()))
        after = near[-1]
        return change(before.thumbnail, after.thumbnail) >= MIN_REMAINING * here.change

    def _second_s(self) -> float:
        return self._seen[1].time_s


def _stands_out(changed: float, others: list[float]) -> bool:
    average = sum(others) / len(others) if others else 0.0
    return changed >= MIN_CHANGE and changed >= MIN_RATIO * average
