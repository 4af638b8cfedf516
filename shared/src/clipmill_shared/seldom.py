"""A library that says the same at each of its attempts is written down now and then only."""

from __future__ import annotations

import logging
import time

EVERY_S = 30.0
MAX_KINDS = 200


class Seldom(logging.Filter):
    """For a handler: lets a line of the loggers under `name` pass once in 30 s; lines differ by their template."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._prefixes = (name, f"{name}.")
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not (record.name == self._prefixes[0] or record.name.startswith(self._prefixes[1])):
            return True
        kind, now = f"{record.name} {record.msg}"[:200], time.monotonic()
        if now - self._last.get(kind, -EVERY_S) < EVERY_S:
            return False
        if len(self._last) >= MAX_KINDS:
            self._last.clear()
        self._last[kind] = now
        return True
