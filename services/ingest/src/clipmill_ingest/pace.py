"""How often an owner may submit by gRPC. What comes by the topic waits in it instead, see handlers."""

from __future__ import annotations

from clipmill_shared.limits import Limits, Rate, RateLimitedError

MINUTE_S = 60.0


class Pace:
    """`per_minute` submissions of an owner, as many at once; 0 for no limit."""

    def __init__(self, limits: Limits, per_minute: int) -> None:
        self._limits = limits
        self._per_minute = per_minute

    async def take(self, owner_id: str) -> None:
        """Count a submission. RateLimitedError when it is one too many."""
        if not self._per_minute:
            return
        rate = Rate(self._per_minute, MINUTE_S)
        if wait_s := await self._limits.take(f"submit/{owner_id}", rate):
            raise RateLimitedError("submissions", rate, wait_s)
