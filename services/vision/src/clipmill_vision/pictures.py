"""Makes decoded frames small: thumbnails without a scaler, upright pictures for the face search with one."""

from __future__ import annotations

from math import cos, sin
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from clipmill_vision.domain.blazeface import SIZE
from clipmill_vision.domain.faces import Box
from clipmill_vision.domain.mouth import square_about
from clipmill_vision.domain.people import Seat
from clipmill_vision.domain.text_areas import LUMA_SIDE
from clipmill_vision.domain.thumbnail import Plane, Thumbnail
from clipmill_vision.exchange import Shown

# Thumbnails are about as wide. Taking every k-th sample of 720p costs .09 ms a frame; swscale to the same size .35 ms.
THUMBNAIL_WIDTH = 160
# Planar formats that are read in place, with the bits by which their samples are too long; others are converted.
PLANAR = {
    "gray": 0, "yuv420p": 0, "yuvj420p": 0, "yuv422p": 0, "yuvj422p": 0, "yuv444p": 0, "yuvj444p": 0,
    "yuv420p10le": 2, "yuv422p10le": 2, "yuv444p10le": 2,
}  # fmt: skip
FULL_RANGE = 2


def thumbnail(frame: VideoFrame) -> Thumbnail:
    """Every k-th sample of each plane, in the coded orientation."""
    # Even, so that chroma's samples lie on the same grid.
    step = max(2, round(frame.width / THUMBNAIL_WIDTH / 2) * 2) if frame.width > 1.5 * THUMBNAIL_WIDTH else 1
    if frame.format.name not in PLANAR:
        frame = frame.reformat(max(frame.width // step, 2), max(frame.height // step, 2), "yuv444p", threads=1)
        step = 1
    excess_bits = PLANAR[frame.format.name]
    # Colour as coarse as it is kept: half the samples of light each way tell a cut as well, for less.
    return Thumbnail([_every(plane, step, excess_bits) for plane in frame.planes])


def _samples(plane: VideoPlane, excess_bits: int) -> NDArray[Any]:
    """The plane's samples where the decoder wrote them, height x width: valid as long as the frame is."""
    kind = np.uint16 if excess_bits else np.uint8
    line = plane.line_size // np.dtype(kind).itemsize
    samples: NDArray[Any] = np.frombuffer(memoryview(plane), kind, count=line * plane.height).reshape(-1, line)
    return samples[:, : plane.width]


def _every(plane: VideoPlane, step: int, excess_bits: int) -> Plane:
    small = _samples(plane, excess_bits)[::step, ::step]
    # A copy: the decoder uses the frame's memory again.
    return np.array(small >> excess_bits if excess_bits else small, np.uint8, order="C")


def fine_luma(frame: VideoFrame, shown: Shown) -> Plane:
    """Every k-th sample of luma, upright, the longer side about LUMA_SIDE."""
    if frame.format.name not in PLANAR:
        frame = frame.reformat(format="gray", threads=1)
    step = max(1, round(max(frame.width, frame.height) / LUMA_SIDE))
    return np.rot90(_every(frame.planes[0], step, PLANAR[frame.format.name]), -shown.rotation_deg // 90 % 4)


def is_full_range(frame: VideoFrame) -> bool:
    """True when black is 0 and white is 255, not 16 and 235."""
    return frame.color_range == FULL_RANGE or frame.format.name.startswith(("yuvj", "rgb", "bgr", "gbr"))


def upright(frame: VideoFrame, shown: Shown, size: int = SIZE) -> NDArray[np.uint8]:
    """RGB, height x width x 3, as shown, with the longer side of `size` pixels."""
    scale = size / max(shown.width, shown.height)
    width, height = (max(1, round(side * scale)) for side in (shown.width, shown.height))
    turned = shown.rotation_deg % 180 != 0
    small = frame.reformat(*((height, width) if turned else (width, height)), "rgb24", threads=1).to_ndarray()
    return np.rot90(small, -shown.rotation_deg // 90 % 4)


def square(frame: VideoFrame, shown: Shown, box: Box, side: int) -> NDArray[np.uint8]:
    """The square about the face in `box` as shown: RGB, side x side x 3, `side` even."""
    wanted = square_about(box, shown.width, shown.height)
    x, y = (wanted.x0 + wanted.x1) / 2 * shown.width, (wanted.y0 + wanted.y1) / 2 * shown.height
    return cut_out(frame, shown, Seat(x, y, (wanted.x1 - wanted.x0) * shown.width, 0.0), side)


def cut_out(frame: VideoFrame, shown: Shown, seat: Seat, side: int, *, smooth: bool = False) -> NDArray[np.uint8]:
    """What lies in `seat` of the shown picture: RGB, side x side x 3, `side` even.

    Outside the picture its edge is repeated. Takes the nearest samples of the planes, as thumbnails do: scaling the
    whole frame for a face would cost 3 ms.
    """
    if frame.format.name not in PLANAR:
        frame = frame.reformat(format="yuv444p", threads=1)
    excess_bits = PLANAR[frame.format.name]
    # Scaling takes 3 ms, this conversion .1; in numpy it took .4. Colour half as fine as light, as most videos have it.
    kind = "gray" if len(frame.planes) == 1 else "yuvj420p" if is_full_range(frame) else "yuv420p"
    small = VideoFrame(side, side, kind)
    for plane, into, count in zip(frame.planes, small.planes, (side, side // 2, side // 2), strict=False):
        x, y = (
            share * size for share, size in zip(_coded(seat, shown, count), (plane.width, plane.height), strict=True)
        )
        samples = _at(_samples(plane, excess_bits), x, y, smooth=smooth)
        lines = np.empty((count, into.line_size), np.uint8)
        lines[:, :count] = samples / (1 << excess_bits) if excess_bits else samples
        into.update(lines.tobytes())
    return np.asarray(small.reformat(format="rgb24", threads=1).to_ndarray(), np.uint8)


def _at(samples: NDArray[Any], x: NDArray[np.float64], y: NDArray[np.float64], *, smooth: bool) -> NDArray[Any]:
    """The samples nearest to x and y, or the mixtures of the four around."""
    height, width = samples.shape
    if not smooth:
        columns, rows = np.clip(x, 0, width - 1).astype(int), np.clip(y, 0, height - 1).astype(int)
        # Of a square that is not turned, whole rows first: half the time.
        along = x.shape[0] == 1
        nearest: NDArray[Any] = samples[rows[:, 0]][:, columns[0]] if along else samples[rows, columns]
        return nearest
    x, y = np.clip(x - 0.5, 0, width - 1.001), np.clip(y - 0.5, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    right, down = (x - left).astype(np.float32), (y - top).astype(np.float32)
    above, below = ((1 - right) * samples[r, left] + right * samples[r, left + 1] for r in (top, top + 1))
    mixed: NDArray[np.float32] = (1 - down) * above + down * below
    return mixed


def _coded(seat: Seat, shown: Shown, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the count x count samples of the seat lie in the coded picture: x and y as shares of it.

    Of a seat that is not turned, x has one row and y one column (or the other way round), which numpy makes a grid of.
    """
    steps = ((np.arange(count) + 0.5) / count - 0.5) * seat.side
    right, down = steps[None, :], steps[:, None]
    if seat.turn:
        turned = (right * cos(seat.turn) - down * sin(seat.turn), right * sin(seat.turn) + down * cos(seat.turn))
        right, down = turned
    x, y = (seat.x + right) / shown.width, (seat.y + down) / shown.height
    for _ in range(shown.rotation_deg // 90 % 4):
        x, y = y, 1 - x
    return x, y
