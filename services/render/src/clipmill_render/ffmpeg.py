"""Runs the ffmpeg that a package brings: local files of known formats only, dead when this process is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from clipmill_shared.compute.child import die_with_parent
from clipmill_shared.errors import ClipmillError, DiskFullError

# What import lets in, and the sound that is made here: no playlists, no formats that refer to other files, no network.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,ogg,asf,mxf,wav"


def input_limits(formats: str) -> tuple[str, ...]:
    """Arguments before an input: a local file of one of `formats`."""
    return ("-protocol_whitelist", "file,pipe", "-format_whitelist", formats)


INPUT_LIMITS = input_limits(FORMATS)
LOG = "ffmpeg.log"
_OUT_TIME = re.compile(rb"out_time_us=(\d+)")


class FfmpegError(ClipmillError):
    """ffmpeg gave up; what it said last is in the message."""

    def __init__(self, said: str) -> None:
        super().__init__(
            "RENDER_FAILED",
            f"ffmpeg could not make the clip: {said}.",
            "Run the same command again; if it fails again, please report it with the log.",
            retryable=True,
        )


def run(arguments: Sequence[str], folder: Path, at_s: Callable[[float], None] = lambda _: None) -> str:
    """Run ffmpeg in `folder` and return what it logged; `at_s` is told the second of the output that it is at.

    Errors: DiskFullError, FfmpegError.
    """
    command = [executable(), "-hide_banner", "-nostdin", "-nostats", "-y", "-progress", "pipe:1", *arguments]
    log = folder / LOG
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            # A cancel kills this process; the encoder must not outlive it.
            preexec_fn=die_with_parent,  # noqa: PLW1509 (this process has one thread)
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if found := _OUT_TIME.match(line):
                at_s(int(found[1]) / 1e6)
    text = log.read_text(errors="replace")
    if process.returncode != 0:
        raise _why(text, folder)
    return text


def _why(log: str, folder: Path) -> ClipmillError:
    if "No space left on device" in log or "Disk quota exceeded" in log:
        return DiskFullError(str(folder.parent))
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    # The last line is the least specific ("Conversion failed!"): the first that speaks of an error says more.
    telling = next((line for line in lines if "rror" in line), lines[-1] if lines else "it said nothing")
    return FfmpegError(re.sub(r"^\[[^]]*\]\s*", "", telling).rstrip("."))


@cache
def executable() -> str:
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@cache
def version() -> str:
    """As ffmpeg names itself: "n9.0.2-17-g2a571b6068-20260930"."""
    said = subprocess.run([executable(), "-version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]
