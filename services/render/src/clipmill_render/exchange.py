"""What crosses between the service and its child processes. Light: the service imports it at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization
from clipmill.clips.v1.clips_pb2 import Branded, LeftOut, RenderTask, ShotLayout
from clipmill.vision.v1.vision_pb2 import Cast, VisionAnalysis
from clipmill_render.domain.note import Note


@dataclass(frozen=True)
class Request:
    """A task with its files: `source` to read, `folder` (empty) to write into."""

    source: Path
    folder: Path
    task: RenderTask
    audio: tuple[AudioAnalysis, ...]
    vision: tuple[VisionAnalysis, ...]
    threads: int
    # Of the whole video; None where nobody is seen.
    cast: Cast | None = None
    # Of the whole video; None where voices were not told apart.
    diarization: Diarization | None = None
    # What the clip is about; none where that is not drawn.
    keywords: tuple[str, ...] = ()
    # "auto", or one that encoder.py knows.
    encoder: str = "libx264"
    # The files of its brand and its music, by what they are for: "logo", "intro", "outro", "music".
    assets: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The files made, in the request's folder, and what is to be said of them."""

    video: Path
    # Beside the video, told by their suffix: SubRip, WebVTT and ASS where something is said.
    files: tuple[Path, ...]
    thumbnail: Path
    width: int
    height: int
    duration_s: float
    loudness_lufs: float | None
    # Of each shot, in order.
    layouts: tuple[ShotLayout, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[Note, ...]
    ffmpeg_version: str
    # What compressed the picture, and why that, where there was a choice.
    encoder: str
    encoder_reason: str
    # None where nothing was asked for.
    branded: Branded | None = None
