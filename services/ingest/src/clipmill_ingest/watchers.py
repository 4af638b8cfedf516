"""Wakes everybody who waits."""

from __future__ import annotations

import asyncio


class Signal:
    """Fires for all who wait at that moment. Who must not miss one takes `next` before looking at the state."""

    def __init__(self) -> None:
        self._next: asyncio.Event = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """Is set when the signal fires the next time."""
        return self._next

    def fire(self) -> None:
        self._next.set()
        self._next = asyncio.Event()
