"""The ledger's clock."""

from __future__ import annotations

import time

# Goes on while the machine sleeps, where the system has such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SteadyClock:
    """Unix seconds that pass evenly, also while somebody sets the machine's clock.

    Leases and waits are counted by it: a clock that jumps an hour ahead must not take every worker for lost. It agrees
    with the machine's clock when it is made, and again after `set`.
    """

    def __init__(self) -> None:
        self._ahead_s = time.time() - time.clock_gettime(_STEADY)

    def set(self) -> float:
        """Agree with the machine's clock again; by how many seconds that moves this one. Only while nothing waits for
        a time to come."""
        before_s, self._ahead_s = self._ahead_s, time.time() - time.clock_gettime(_STEADY)
        return self._ahead_s - before_s

    def __call__(self) -> float:
        return self._ahead_s + time.clock_gettime(_STEADY)
