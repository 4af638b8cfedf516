"""Looks at a clip before it is called done."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipmill_render.domain.graph import Timing
from clipmill_shared.errors import ClipmillError

RATE_HZ = 48000
TOLERANCE_S = 0.04


@dataclass(frozen=True)
class Expected:
    """What the clip must be."""

    width: int
    height: int
    timing: Timing
    sound: bool


class CheckFailedError(ClipmillError):
    """A clip was made, and is not what it must be."""

    def __init__(self, wrong: str) -> None:
        super().__init__(
            "RENDER_CHECK_FAILED",
            f"The clip was made, but its check failed: {wrong}.",
            "Run the same command again; if it fails again, the source may be damaged where the clip is.",
        )


def check(video: Path, expected: Expected, wanted: Collection[int] = ()) -> list[NDArray[np.uint8]]:
    """Compare the streams and the frames' times of `video` with `expected`, and decode its picture: each frame on which
    others rest, and those that are `wanted` (from 0 on). The luma of these, height x width, of the range 16 to 235.

    Errors: CheckFailedError, which names the first difference.
    """
    tolerance_s = max(TOLERANCE_S, 1 / expected.timing.fps)
    try:
        with av.open(str(video), options={"protocol_whitelist": "file", "format_whitelist": "mov"}) as container:
            require(len(container.streams.video) == 1, "it has no picture")
            require(len(container.streams.audio) == int(expected.sound), "its sound is missing")
            picture = container.streams.video[0]
            size = (picture.width, picture.height)
            require(size == (expected.width, expected.height), f"it is {size[0]} x {size[1]} pixels")
            require(picture.codec_context.pix_fmt == "yuv420p", f"its pixels are {picture.codec_context.pix_fmt}")
            require(
                picture.frames == expected.timing.count, f"it has {picture.frames} of {expected.timing.count} frames"
            )
            for stream in container.streams:
                long_s = float((stream.duration or 0) * (stream.time_base or 0))
                off_s = abs(long_s - expected.timing.duration_s)
                require(off_s <= tolerance_s, f"its {stream.type} is {off_s:.3f} s too long or too short")
            for sound in container.streams.audio:
                require(sound.rate == RATE_HZ and sound.channels == 2, "its sound is not 48 kHz stereo")
            base = float(picture.time_base or 0)
            packets = [packet for packet in container.demux(picture) if packet.pts is not None]
            times = sorted(packet.pts or 0 for packet in packets)
            require(len(times) == expected.timing.count, f"{expected.timing.count - len(times)} frames have no time")
            require(abs(times[0] * base) <= tolerance_s, "it does not begin at 0")
            off_s = abs(times[-1] * base + 1 / expected.timing.fps - expected.timing.duration_s)
            require(off_s <= tolerance_s, "its last frame is missing")
            shown = list(_lumas(picture, packets, {times[frame] for frame in wanted}))
            require(len(shown) == len(wanted), f"{len(wanted) - len(shown)} of its frames cannot be decoded")
            return shown
    except av.FFmpegError as error:
        raise CheckFailedError(f"it cannot be decoded ({error})") from error


def _lumas(
    picture: av.VideoStream, packets: Collection[av.Packet[av.VideoStream]], wanted: Collection[int]
) -> Iterator[NDArray[np.uint8]]:
    """Decodes `packets`, and yields the luma of the frames whose times are `wanted`, in their order."""
    decoder = picture.codec_context
    decoder.thread_count = 1
    # Unsmoothed, a frame differs from itself by less than a tenth of what a caption of two letters does.
    decoder.options = {"err_detect": "explode", "skip_loop_filter": "all"}
    for packet in [*packets, None]:
        # A frame on which none rests costs as much to decode as any other, and what is wrong with it ends with it.
        decoder.skip_frame = "DEFAULT" if packet is None or packet.pts in wanted else "NONREF"
        for frame in decoder.decode(packet):
            if frame.pts in wanted:
                plane = frame.planes[0]
                yield np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : frame.width].copy()


def require(holds: bool, wrong: str) -> None:
    """Raises CheckFailedError with what is `wrong` unless it `holds`."""
    if not holds:
        raise CheckFailedError(wrong)
