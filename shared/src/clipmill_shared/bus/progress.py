"""How far a partition has been handled."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class Progress:
    """Follows a partition's delivered offsets and says up to where they may be committed.

    Offsets come in rising order but not one after another (compaction, transaction markers), so the position is
    derived from what was delivered and never from arithmetic on what was not.
    """

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        # Finished before an earlier one was.
        self._done: set[int] = set()
        self._last = -1
        # The offset to read from after a restart: behind the records before the first unfinished one. None while the
        # first record is unfinished.
        self.position: int | None = None

    def delivered(self, offsets: Sequence[int]) -> None:
        """`offsets`, in rising order, were handed out. ValueError unless they lie behind all earlier ones."""
        if offsets[0] <= self._last:
            raise ValueError(f"offset {offsets[0]} was delivered after {self._last}")
        self._last = offsets[-1]
        self._open.extend(offsets)

    def finished(self, offset: int) -> None:
        """`offset`, delivered before, needs no further handling."""
        waiting, done = self._open, self._done
        if waiting[0] != offset:
            done.add(offset)
            return
        waiting.popleft()
        while done and waiting[0] in done:
            offset = waiting.popleft()
            done.discard(offset)
        self.position = offset + 1
