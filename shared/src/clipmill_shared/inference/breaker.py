"""A circuit breaker: what fails again and again is left alone for a while, then tried by one."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row, for `pause_s`; then one call is let through, and its end decides.

    Michael Nygard, Release It! (2018), "Circuit Breaker".
    """

    def __init__(self, failures: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = failures
        self._pause_s = pause_s
        self._clock = clock
        self._failed = 0
        self._closed_again_at = 0.0

    def lets_through(self) -> bool:
        """Whether a call may be made; whoever is told so says by `succeeded` or `failed` how it ended."""
        if self._failed < self._allowed:
            return True
        now = self._clock()
        if now < self._closed_again_at:
            return False
        # The others wait for this one; if it never says how it ended, another may try after the same pause.
        self._closed_again_at = now + self._pause_s
        return True

    def succeeded(self) -> None:
        self._failed = 0

    def failed(self) -> None:
        self._failed += 1
        if self._failed >= self._allowed:
            self._closed_again_at = self._clock() + self._pause_s
