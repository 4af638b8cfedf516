"""What crosses between ingest and the children that record and join. Light: the service imports it at start.

Parts cross by the folder: a part's media is whole when `<stage>-<number>.part` lies beside it, a RecordedPart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from clipmill.common.v1.common_pb2 import Warning  # noqa: A004 - the message's name
from clipmill.media.v1.media_pb2 import MediaInfo

STOP = "stop"


class Way(Enum):
    """How the source is read."""

    FILE = "a file that grows"
    PIPE = "by pipes that end with the source"
    ADDRESS = "by FFmpeg's own client"


class Ending(Enum):
    """Why nothing more is recorded."""

    SOURCE = "the source ended"
    SILENCE = "nothing came any more"
    ASKED = "it was asked for"
    LIMIT = "the longest that is taken"


@dataclass(frozen=True)
class Resume:
    """Where earlier attempts have come: parts made, and until when, on the video's clock.

    `source_start_s` is the source's own time of the video's 0 s.
    """

    source_start_s: float
    sounds: int
    sound_s: float
    pictures: int
    picture_s: float


@dataclass(frozen=True)
class RecordRequest:
    """`name` is how the user knows the source. Parts are written into `folder`; a file STOP there ends the input.

    `sound` is the pipe of a sound that is apart from the picture, "" or one that brings nothing where it is not.
    """

    way: Way
    address: str
    name: str
    folder: Path
    # Nothing for so long is the end.
    idle_s: float
    max_s: float
    max_bytes: int
    resume: Resume | None = None
    sound: str = ""


@dataclass(frozen=True)
class Recorded:
    ending: Ending
    video_s: float
    has_sound: bool
    warnings: list[Warning]


@dataclass(frozen=True)
class Segment:
    """A recorded part of the picture, with the sound beside it, and when the next one begins on the video's clock."""

    path: Path
    end_s: float


@dataclass(frozen=True)
class JoinRequest:
    segments: list[Segment]
    target: Path
    name: str
    has_sound: bool


@dataclass(frozen=True)
class Joined:
    info: MediaInfo
    media_type: str
