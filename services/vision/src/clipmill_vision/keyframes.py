"""Pictures at given times as JPEG, for a vision-language model. A seek each: only who asks for descriptions pays."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from clipmill_shared.errors import ClipmillError
from clipmill_vision.exchange import Keyframes, Part, Tally
from clipmill_vision.frames import SAME_S, frames
from clipmill_vision.pictures import upright

# The longer side, in pixels: what such models look at in one tile.
SIDE = 512
QUALITY = 5


def keyframes(request: Keyframes) -> list[bytes]:
    """A JPEG for each of the times, upright; empty where the picture cannot be decoded any more."""
    return [_jpeg_at(request, time_s) for time_s in request.times_s]


def _jpeg_at(request: Keyframes, time_s: float) -> bytes:
    part = request.part
    here = Part(part.path, part.stream_index, part.clock_start_s, time_s, time_s + 2 * SAME_S)
    try:
        for _, frame in frames(here, Tally(), 1, deblock=True):
            return _jpeg(upright(frame, request.shown, SIDE))
    except ClipmillError:
        return b""
    return b""


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    codec = av.CodecContext.create("mjpeg", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = frame.width, frame.height, "yuvj420p", Fraction(1, 25)
    codec.options = {"qmin": str(QUALITY), "qmax": str(QUALITY)}
    packets = [*codec.encode(frame.reformat(format="yuvj420p")), *codec.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
