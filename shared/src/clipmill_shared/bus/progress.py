"""How far a partition has been handled."""

from __future__ import annotations

from collections import deque


class Progress:
    """Follows a partition's delivered offsets and says up to where they may be committed.

    Offsets come in rising order but not one after another (compaction, transaction markers), so the position is
    derived from what was delivered and never from arithmetic on what was not.
    """

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._last = -1
        self._position: int | None = None

    @property
    def position(self) -> int | None:
        """The offset to read from after a restart: behind the records before the first unfinished one.

        None while the first record is unfinished.
        """
        return self._position

    def delivered(self, offset: int) -> None:
        """`offset` was handed out. ValueError unless it lies behind all earlier ones."""
        if offset <= self._last:
            raise ValueError(f"offset {offset} was delivered after {self._last}")
        self._last = offset
        self._open.append(offset)

    def finished(self, offset: int) -> None:
        """`offset`, delivered before, needs no further handling."""
        self._done.add(offset)
        while self._open and self._open[0] in self._done:
            first = self._open.popleft()
            self._done.discard(first)
            self._position = first + 1
