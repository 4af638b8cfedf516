"""When a failed attempt is repeated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Waits `first_s`, then `factor` times as long after each further failure, never longer than `longest_s`.

    With the defaults five attempts span 17 s: longer than a broker's leader election or a database's failover.
    """

    first_s: float = 0.2
    factor: float = 4.0
    longest_s: float = 30.0

    def delay_s(self, failures: int) -> float:
        """The wait after the `failures`-th failure, counted from 1."""
        # The exponent is limited because a float overflows long after the longest wait has been reached.
        return min(self.longest_s, self.first_s * self.factor ** min(failures - 1, 64))
