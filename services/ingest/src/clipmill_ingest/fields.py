"""Finds pictures that are made of two fields and do not say so, as capture cards and careless conversions leave them.

As ffmpeg's idet tells: of two fields that were taken one after the other, each fits the lines of the frame beside it
better than those of its own. Only where broadcast's sizes and rates make it plausible, and in a few frames.
"""

from __future__ import annotations

import itertools

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream as AvVideo
from numpy.typing import NDArray

from clipmill.media.v1.media_pb2 import FieldOrder

HEIGHTS = frozenset({480, 486, 576, 1080, 1088})
RATES = (25.0, 30000 / 1001)
SPOTS, FRAMES = (0.1, 0.4, 0.7), 6
# One column in so many: fields differ all along a line.
COLUMN_STEP = 4
# idet's threshold; and of the frames that move, the share that must agree.
FITS_BETTER, AGREE, ENOUGH = 1.04, 0.8, 6
# Where so many move and few of them have fields, the rest is not looked at: an ordinary file costs one spot.
PLAIN = 3
# In grey levels a pixel: what moves less tells nothing.
STILL = 0.5

Luma = NDArray[np.float32]


def unflagged_fields(
    container: InputContainer, picture: AvVideo, fps: float, start_s: float, duration_s: float
) -> FieldOrder.ValueType:
    """Which field comes first in frames that do not say that they have fields; UNSPECIFIED where they have none."""
    if picture.codec_context.height not in HEIGHTS or all(abs(fps - rate) > 0.02 for rate in RATES):
        return FieldOrder.FIELD_ORDER_UNSPECIFIED
    top = bottom = moving = 0
    for spot in SPOTS:
        frames = _frames_at(container, picture, start_s + spot * duration_s)
        for before, frame, after in zip(frames, frames[1:], frames[2:], strict=False):
            if np.abs(after - frame).mean() < STILL:
                continue
            moving += 1
            # Of a field's lines those of the frame before and after, between the other field's of this one.
            even, odd = _misfit(before, frame, after, 0), _misfit(before, frame, after, 1)
            first = even[0] + odd[1]
            last = even[1] + odd[0]
            top += first > FITS_BETTER * last
            bottom += last > FITS_BETTER * first
        if moving >= PLAIN and 2 * max(top, bottom) < moving:
            break
    if moving < ENOUGH or max(top, bottom) < AGREE * moving:
        return FieldOrder.FIELD_ORDER_UNSPECIFIED
    return FieldOrder.FIELD_ORDER_TOP_FIRST if top > bottom else FieldOrder.FIELD_ORDER_BOTTOM_FIRST


def _misfit(before: Luma, frame: Luma, after: Luma, parity: int) -> tuple[float, float]:
    """How badly lines of `parity` of the frame before, and after, lie between the frame's own neighbouring lines."""
    around = frame[1 + parity : -2 : 2] + frame[3 + parity :: 2]
    lines = slice(2 + parity, 2 + parity + 2 * len(around), 2)
    return (
        float(np.abs(around - 2 * before[lines][: len(around)]).sum()),
        float(np.abs(around - 2 * after[lines][: len(around)]).sum()),
    )


def _frames_at(container: InputContainer, picture: AvVideo, time_s: float) -> list[Luma]:
    """The luma of a few frames after a keyframe; fewer where they cannot be read."""
    try:
        container.seek(round(time_s * av.time_base))
        frames = [_luma(frame) for frame in itertools.islice(container.decode(picture), FRAMES)]
    except av.FFmpegError:
        return []
    # The size may change in the middle.
    return [frame for frame in frames if frame.shape == frames[0].shape]


def _luma(frame: av.VideoFrame) -> Luma:
    # As it is stored where that is planes, which PyAV gives of even sizes: conversion would cost as much as decoding.
    is_stored = frame.format.name == "yuv420p" and not frame.width % 2 and not frame.height % 2
    stored = frame.to_ndarray() if is_stored else frame.to_ndarray(format="gray")
    return stored[: frame.height, ::COLUMN_STEP].astype(np.float32)
