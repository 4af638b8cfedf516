"""What goes to the child process that imports, and what comes back. Light: the service does not load a decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clipmill.common.v1.common_pb2 import TimeRange, Warning  # noqa: A004 - the message's name
from clipmill.media.v1.media_pb2 import MediaInfo


@dataclass(frozen=True)
class ImportRequest:
    """`name` is how the user knows the file; the sound goes to `speech_path`."""

    path: Path
    name: str
    speech_path: Path
    max_duration_s: float
    part_s: float
    side_by_side: int


@dataclass(frozen=True)
class Imported:
    info: MediaInfo
    has_speech: bool
    audio_parts: list[TimeRange]
    vision_parts: list[TimeRange]
    warnings: list[Warning]
