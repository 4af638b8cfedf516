"""When a child that died is started again."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_S = 0.5
LAST_S = 30.0
# Who lived so long did not die of its start.
HEALTHY_S = 30.0
# So many short lives in a row are a crash loop.
LOOP = 4


@dataclass(frozen=True)
class Restarts:
    """How often a child was started again, and how many of its last lives were short."""

    count: int = 0
    short_lives: int = 0

    def after_life_of(self, lived_s: float) -> Restarts:
        """What follows from a life that lasted `lived_s`."""
        return Restarts(self.count + 1, 1 if lived_s >= HEALTHY_S else self.short_lives + 1)

    @property
    def pause_s(self) -> float:
        """The wait before the next start: half a second, doubled by each short life, half a minute at most."""
        return float(min(FIRST_S * 2 ** min(self.short_lives - 1, 10), LAST_S)) if self.short_lives else 0.0

    @property
    def is_crash_loop(self) -> bool:
        return self.short_lives >= LOOP
