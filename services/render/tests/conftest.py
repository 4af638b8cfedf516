"""Small videos with known content, made on the spot."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_render import ffmpeg
from clipmill_render.exchange import Request, Result
from clipmill_render.work import render

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Word
from clipmill.clips.v1.clips_pb2 import ASPECT_SOURCE, CAPTION_STYLE_NONE, ClipHead, RenderTask
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange
from clipmill.media.v1.media_pb2 import AudioStream, MediaInfo, VideoStream
from clipmill.vision.v1.vision_pb2 import Cast, VisionAnalysis

RATE_HZ = 48000
STRIPES = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]


@dataclass(frozen=True)
class Made:
    """A video file and what import would say of it."""

    path: Path
    info: MediaInfo


def grey_level(number: int) -> int:
    """The grey of frame `number` in a video of greys: told apart after encoding, and repeated after 80."""
    return 16 + 3 * (number % 80)


@dataclass
class Film:
    """Describes a video; `make` writes it. Greys that number the frames, or three stripes (red, green, blue)."""

    width: int = 320
    height: int = 180
    fps: int = 25
    frames: int = 75
    stripes: bool = False
    container: str = "mp4"
    start_s: float = 0.0
    # Shown times by frame; even ones when empty.
    times_s: Sequence[float] = field(default_factory=tuple)
    # Tone from here on, silence before; None for no sound.
    tone_from_s: float | None = 0.0
    tone_level: float = 0.1
    rotation: int = 0
    pixel_aspect: Fraction = Fraction(1)
    pixel_format: str = "yuv420p"

    def make(self, folder: Path) -> Made:
        path = folder / f"source.{self.container}"
        with av.open(str(path), "w") as container:
            picture = container.add_stream("libx264", rate=self.fps, options={"crf": "10", "preset": "ultrafast"})
            picture.width, picture.height, picture.pix_fmt = self.width, self.height, self.pixel_format
            picture.codec_context.sample_aspect_ratio = self.pixel_aspect
            picture.codec_context.gop_size = 20
            picture.time_base = picture.codec_context.time_base = Fraction(1, 1000)
            sound = None if self.tone_from_s is None else container.add_stream("aac", rate=RATE_HZ, layout="mono")
            for number, time_s in enumerate(self._times()):
                frame = av.VideoFrame.from_ndarray(self._picture(number), format="rgb24")
                frame.pts, frame.time_base = round((time_s + self.start_s) * 1000), Fraction(1, 1000)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
            if sound is not None:
                tone = av.AudioFrame.from_ndarray(self._tone(), format="fltp", layout="mono")
                tone.sample_rate, tone.pts, tone.time_base = (
                    RATE_HZ,
                    round(self.start_s * RATE_HZ),
                    Fraction(1, RATE_HZ),
                )
                container.mux(sound.encode(tone))
                container.mux(sound.encode(None))
        with av.open(str(path)) as container:
            start_s = next(container.decode(video=0)).time
        return Made(self._rotated(path), self._info(start_s))

    def _times(self) -> Sequence[float]:
        return self.times_s or [number / self.fps for number in range(self.frames)]

    @property
    def _duration_s(self) -> float:
        return self._times()[-1] + 1 / self.fps

    def _picture(self, number: int) -> np.ndarray:
        pixels = np.full((self.height, self.width, 3), grey_level(number) if not self.stripes else 0, np.uint8)
        if self.stripes:
            for stripe, colour in enumerate(STRIPES):
                pixels[:, stripe * self.width // 3 : (stripe + 1) * self.width // 3] = colour
        return pixels

    def _tone(self) -> np.ndarray:
        times = np.arange(round(self._duration_s * RATE_HZ)) / RATE_HZ
        return (self.tone_level * np.sin(2 * np.pi * 440 * times) * (times >= (self.tone_from_s or 0)))[None].astype(
            "f4"
        )

    def _rotated(self, path: Path) -> Path:
        if not self.rotation:
            return path
        turned = path.with_stem("turned")
        # ffmpeg's option counts anticlockwise.
        command = [ffmpeg.executable(), "-v", "error", "-display_rotation", str(-self.rotation), "-i", str(path)]
        subprocess.run([*command, "-c", "copy", str(turned)], check=True)
        return turned

    def _info(self, start_s: float) -> MediaInfo:
        wide = round(self.width * float(self.pixel_aspect))
        shown = (wide, self.height) if self.rotation % 180 == 0 else (self.height, wide)
        info = MediaInfo(
            duration_s=self._duration_s,
            start_s=start_s,
            container={"mp4": "mov", "mkv": "matroska", "ts": "mpegts"}[self.container],
            video=VideoStream(
                width=self.width,
                height=self.height,
                display_width=shown[0] // 2 * 2,
                display_height=shown[1] // 2 * 2,
                rotation_deg=self.rotation,
                fps=len(self._times()) / self._duration_s,
                variable_frame_rate=bool(self.times_s),
                index=0,
            ),
        )
        if self.tone_from_s is not None:
            info.audio.CopyFrom(AudioStream(sample_rate_hz=RATE_HZ, channels=1, index=1))
        return info


@dataclass(frozen=True)
class Clip:
    """A rendered clip, read back."""

    result: Result
    # As RGB, in order.
    pictures: list[np.ndarray]
    # Mono samples; empty without sound.
    sound: np.ndarray

    @property
    def greys(self) -> list[float]:
        return [float(picture.mean()) for picture in self.pictures]

    @property
    def codes(self) -> set[str]:
        return {note.code for note in self.result.notes}


@pytest.fixture
def film() -> type[Film]:
    return Film


MakeClip = Callable[..., Clip]


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Renders start_s to end_s of a film; `task` sets fields of the RenderTask."""

    def make(
        film: Film,
        start_s: float,
        end_s: float,
        *,
        words: Sequence[Word] = (),
        vision: Sequence[VisionAnalysis] = (),
        cast: Cast | None = None,
        inside: Path = tmp_path,
        encoder: str = "libx264",
        assets: Mapping[str, Path] | None = None,
        **task: int,
    ) -> Clip:
        made = film.make(inside)
        folder = inside / "work"
        folder.mkdir()
        head = ClipHead(clip_id="c", range=TimeRange(start_s=start_s, end_s=end_s))
        usual = {"clip": head, "aspect": ASPECT_SOURCE, "captions": CAPTION_STYLE_NONE, "profile": PROFILE_FAST}
        wanted = RenderTask(info=made.info, **{**usual, **task})
        request = Request(
            made.path, folder, wanted, (AudioAnalysis(words=words),), tuple(vision), 1, cast, encoder=encoder,
            assets=assets or {},
        )  # fmt: skip
        return _read(render(request, lambda _: None))

    return make


def _read(result: Result) -> Clip:
    with av.open(str(result.video)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(result.video)) as container:
        blocks = [f.to_ndarray()[0] for f in container.decode(audio=0)] if container.streams.audio else []
    return Clip(result, pictures, np.concatenate(blocks) if blocks else np.empty(0))
