"""What a child says: kept in a rotated file, and the part that a person should see shown on the terminal."""

from __future__ import annotations

import json
import logging
import logging.handlers
from collections.abc import Callable, Iterator
from pathlib import Path

FILE_BYTES = 5 << 20
FILES = 3
# A line beyond this is cut: no child may fill this process's memory.
MAX_LINE_BYTES = 64 << 10
LEVELS = {"warning", "error", "critical"}
# Says at each attempt what passes by itself; what does not pass our own code says. All of it is in the file.
DRIVER = "aiokafka"


class ChildLog:
    """Takes a child's output in pieces and hands on lines; `show` gets those that a person should see."""

    def __init__(self, file: Path, show: Callable[[str], None], *, is_json: bool) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = _File(file, maxBytes=FILE_BYTES, backupCount=FILES)
        self._show = show
        self._is_json = is_json
        self._rest = b""
        # The last line in plain words, for when the child dies of what it says.
        self.last = ""

    def take(self, piece: bytes) -> list[str]:
        """The whole lines that `piece` completes."""
        lines = [line.decode("utf-8", "replace") for line in self._split(piece)]
        for line in lines:
            self._file.emit(logging.LogRecord("", logging.INFO, "", 0, line, None, None))
            if not line.strip():
                continue
            shown = in_words(line) if self._is_json else None
            self.last = shown or line
            if shown:
                self._show(shown)
        return lines

    def close(self) -> None:
        self.take(b"\n" if self._rest else b"")
        self._file.close()

    def _split(self, piece: bytes) -> Iterator[bytes]:
        *whole, self._rest = (self._rest + piece).split(b"\n")
        yield from (line[:MAX_LINE_BYTES] for line in whole)
        if len(self._rest) > MAX_LINE_BYTES:
            yield self._rest[:MAX_LINE_BYTES]
            self._rest = b""


class _File(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A full disk loses lines of the file; the terminal still has the warnings."""


def in_words(line: str) -> str | None:
    """A line of structured log as a person reads it; None for what need not be seen at once."""
    try:
        record = json.loads(line)
    except ValueError:
        # Not a log line: a trace, or what a library printed.
        return line
    if not isinstance(record, dict) or record.get("level") not in LEVELS or _is_drivers(record):
        return None
    details = {
        name: value
        for name, value in record.items()
        if name not in {"event", "level", "logger", "timestamp", "exception", "trace_id"}
    }
    said = " ".join(f"{name}={value}" for name, value in details.items())
    return f"{record['level']}: {record.get('event', '')}{'  ' + said if said else ''}"


def _is_drivers(record: dict[str, object]) -> bool:
    return str(record.get("logger", "")).startswith(DRIVER)
