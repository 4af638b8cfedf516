"""What crosses between the service and its child processes. Light: the service imports it at start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clipmill.vision.v1.vision_pb2 import VisionAnalysis

if TYPE_CHECKING:
    from clipmill_vision.domain.faces import Face
    from clipmill_vision.domain.passages import Passage
    from clipmill_vision.domain.people import Person
    from clipmill_vision.domain.shots import Shot
    from clipmill_vision.domain.sketch import Sketch


@dataclass(frozen=True)
class Part:
    """Which frames: start_s <= t < end_s on the video's clock, which is the container's less `clock_start_s`."""

    path: Path
    stream_index: int
    clock_start_s: float
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Shown:
    """How the coded picture is shown: its size in square pixels after turning, and the turn, clockwise."""

    width: int
    height: int
    rotation_deg: int


@dataclass(frozen=True)
class Effort:
    """How closely to look."""

    face_searches_per_s: float
    min_face_confidence: float
    deblock: bool
    # Search half as often while a shot shows nobody, or one face in the same place.
    search_less_when_still: bool = True
    # How often a second a picture without a face, or with small ones only, is searched again, larger and in pieces.
    close_searches_per_s: float = 0.0
    # Look at mouths also where only one face is seen, so that nobody asks whose voice is heard.
    mouths_of_lone_faces: bool = False
    # Of how many frames of a face the looks are taken that tell people apart.
    looks_per_track: int = 1
    # Look for text at most so often, and only where a cheaper test says that there may be some; 0: in every keyframe.
    text_every_s: float = 10.0
    decoder_threads: int = 1
    # The kind of graphics card that decodes; empty: the processor does.
    card: str = ""


@dataclass(frozen=True)
class Request:
    part: Part
    shown: Shown
    effort: Effort


@dataclass(frozen=True)
class Keyframes:
    """Asks for pictures at times of the part's video; a list of JPEGs is the answer."""

    part: Part
    shown: Shown
    times_s: tuple[float, ...]


@dataclass(frozen=True)
class WhatIsIt:
    """Asks what a video is; `Video` is the answer."""

    path: Path


@dataclass(frozen=True)
class Video:
    """What must be known of a video to look at its parts."""

    stream_index: int
    clock_start_s: float
    duration_s: float
    shown: Shown


@dataclass
class Tally:
    """What happened while a part was read."""

    # Pieces of the stream that gave no picture, or a damaged one.
    corrupt: int = 0
    # Frames that were not later than the frame before.
    out_of_order: int = 0
    # The processor decoded in a graphics card's place.
    card_missing: bool = False
    last_s: float | None = None


@dataclass(frozen=True)
class Seen:
    """A part's analysis, on the video's clock."""

    shots: list[Shot]
    # One face through one shot each.
    tracks: list[list[Face]]
    tally: Tally
    frames: int
    # The times of the frames that were searched for faces.
    searched_s: list[float]
    # The frame after the part begins another shot.
    cut_at_end: bool
    passages: list[Passage] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    sketch: Sketch | None = None


@dataclass(frozen=True)
class Copy:
    """What was seen of an earlier video, in neighbouring parts, which may be this part's picture; `Moved` or None is
    the answer. A moment here is about `offset_s` later than there."""

    part: Part
    shown: Shown
    earlier: tuple[VisionAnalysis, ...]
    offset_s: float


@dataclass(frozen=True)
class Moved:
    """The analysis on this video's clock, and the exact offset."""

    analysis: VisionAnalysis
    offset_s: float
