"""Frames and sound to an MP4, and a long MP4 from copies of a short one, by the ffmpeg that imageio-ffmpeg carries."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import imageio_ffmpeg
from people import Image
from scenes import HEIGHT, WIDTH
from soundtrack import Samples, write_wav
from timeline import FPS

BITEXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
"""No dates and no program versions in the file."""

TWO_THREADS = ("-threads", "2")
"""x264 divides its work by threads: a fixed number, or the bytes depend on the machine's cores."""


def encode(frames: Iterable[Image], sound: Samples, out: Path) -> None:
    """Write `frames` (BGR) and `sound` as H.264 and AAC stereo. `out` appears only when it is complete."""
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        wav, part = Path(folder) / "sound.wav", Path(folder) / "sample.mp4"
        write_wav(wav, sound)
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y",
            "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-",
            "-i", str(wav),
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "22", *TWO_THREADS, "-g", str(2 * FPS),
            "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m",
            "-color_range", "tv",
            "-c:a", "aac", "-b:a", "160k", *BITEXACT, "-movflags", "+faststart", str(part),
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:
            assert ffmpeg.stdin is not None
            for frame in frames:
                # half the bytes of BGR through the pipe, and OpenCV converts faster than ffmpeg does
                ffmpeg.stdin.write(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).data)
        if ffmpeg.returncode:
            raise RuntimeError(f"ffmpeg ended with {ffmpeg.returncode}, its message is above")
        part.replace(out)


def repeat(video: Path, video_s: float, minutes: float, out: Path) -> float:
    """Write about `minutes` of copies of `video`, whole ones, without encoding. Returns the length in seconds."""
    copies = max(1, round(minutes * 60 / video_s))
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        playlist, part = Path(folder) / "list.txt", Path(folder) / "long.mp4"
        quoted = str(video.resolve()).replace("'", r"'\''")
        playlist.write_text(f"file '{quoted}'\n" * copies, encoding="utf-8")
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(playlist),
            "-c", "copy", *BITEXACT, "-movflags", "+faststart", str(part),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        part.replace(out)
    return copies * video_s
