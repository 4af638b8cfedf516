"""What goes to the child process that imports, and what comes back. Light: the service does not load a decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clipmill.common.v1.common_pb2 import TimeRange, Warning  # noqa: A004 - the message's name
from clipmill.jobs.v1.jobs_pb2 import AssetKind
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
    # Of the sound, as in MediaIngested and Recording; empty without one.
    fingerprint: bytes = b""
    sketch: bytes = b""


@dataclass(frozen=True)
class SketchesRequest:
    """Which of these recordings, by their sketches, may be the fingerprint's? `Candidates` is the answer."""

    fingerprint: bytes
    sketches: list[bytes]


@dataclass(frozen=True)
class Candidates:
    """Numbers of sketches, the likeliest first, each with its offset in steps; and the fingerprint's own sketch."""

    offsets: list[tuple[int, int]]
    sketch: bytes


@dataclass(frozen=True)
class LikenessRequest:
    """Are two recordings alike at an offset? A Likeness without names, or None, is the answer."""

    fingerprint: bytes
    duration_s: float
    other: bytes
    offset: int
    other_audio_parts: list[TimeRange]


@dataclass(frozen=True)
class AssetRequest:
    """A file that options refer to; `name` is how the user knows it."""

    path: Path
    name: str
    kind: AssetKind.ValueType
