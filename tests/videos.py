"""Small videos made for tests: each parameter is one way in which real files differ."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

RATE_HZ = 48_000


def write_video(
    path: Path,
    *,
    seconds: float = 3.0,
    size: tuple[int, int] = (320, 180),
    fps: int = 25,
    audio_tracks: int = 1,
    video: bool = True,
    times: list[int] | None = None,
    start_s: float = 0.0,
    rotation: int = 0,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    tone_hz: float = 220.0,
    container: str | None = None,
) -> Path:
    """Write a video of moving noise blocks with a cut each second, and tones.

    `times` are the frames' presentation times in units of 1/fps (variable frame rate), `rotation` clockwise degrees.
    """
    random = np.random.default_rng(7)
    with av.open(str(path), "w", format=container) as out:
        picture = None
        if video:
            picture = out.add_stream(codec, rate=fps)
            picture.width, picture.height, picture.pix_fmt = size[0], size[1], pixel_format
            picture.time_base = Fraction(1, fps)
            if codec == "libx264":
                picture.options = {"preset": "ultrafast", "g": str(fps)}
        sounds = [out.add_stream("aac", rate=RATE_HZ, layout="mono") for _ in range(audio_tracks)]
        if picture is not None:
            scene = None
            for number, at in enumerate(times or range(round(seconds * fps))):
                if scene is None or number % fps == 0:
                    blocks = random.integers(30, 220, (9, 16, 3), dtype=np.uint8)
                    scene = np.repeat(np.repeat(blocks, -(-size[1] // 9), 0), -(-size[0] // 16), 1)
                shifted = np.roll(scene, number % fps, axis=1)[: size[1], : size[0]]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shifted), format="rgb24")
                frame.pts = at + round(start_s * fps)
                frame.time_base = Fraction(1, fps)
                for packet in picture.encode(frame):
                    out.mux(packet)
            out.mux(picture.encode())
        for sound in sounds:
            for n in range(int(seconds * RATE_HZ) // 1024):
                t = (np.arange(1024) + n * 1024) / RATE_HZ
                samples = (0.2 * np.sin(2 * np.pi * tone_hz * t)).astype(np.float32)[None]
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                frame.sample_rate = RATE_HZ
                frame.pts = n * 1024 + round(start_s * RATE_HZ)
                frame.time_base = Fraction(1, RATE_HZ)
                out.mux(sound.encode(frame))
            out.mux(sound.encode())
    if rotation:
        upright = path.rename(path.with_name("upright-" + path.name))
        # ffmpeg counts display rotation anticlockwise; PyAV cannot write it.
        command = [get_ffmpeg_exe(), "-v", "error", "-display_rotation", str(-rotation), "-i", upright, "-c", "copy"]
        subprocess.run([*map(str, command), str(path)], check=True)
        upright.unlink()
    return path
