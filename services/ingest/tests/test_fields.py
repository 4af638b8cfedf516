"""Pictures of two fields that do not say so are found, with the field that comes first; ordinary ones are not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_ingest.fields import unflagged_fields
from clipmill_ingest.probe import picture_of

from clipmill.media.v1.media_pb2 import FieldOrder

WIDTH, RATE = 160, 25


def moment(number: int, height: int, *, moves: bool, width: int) -> np.ndarray:
    """What a camera of 50 pictures a second sees: a soft pattern that goes sideways."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    at = 3 * number if moves else 0
    return (128 + 60 * np.sin((across + at) / 9) + 40 * np.sin(down / 15 + across / 40)).astype(np.uint8)


def film(path: Path, *, height: int = 576, first: int | None = None, moves: bool = True, width: int = WIDTH) -> Path:
    """Two seconds; in fields, of which the one of lines `first`, `first` + 2 ... is earlier; None: in whole frames."""
    with av.open(str(path), "w") as container:
        # Without loss: x264 has no odd sizes.
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(2 * RATE):
            picture = moment(2 * number, height, moves=moves, width=width)
            if first is not None:
                picture[1 - first :: 2] = moment(2 * number + 1, height, moves=moves, width=width)[1 - first :: 2]
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("made", "order"),
    [
        ({"first": 0}, FieldOrder.FIELD_ORDER_TOP_FIRST),
        ({"first": 1}, FieldOrder.FIELD_ORDER_BOTTOM_FIRST),
        ({"first": None}, FieldOrder.FIELD_ORDER_UNSPECIFIED),
        # As 853 x 480.
        ({"first": 0, "height": 480, "width": 161}, FieldOrder.FIELD_ORDER_TOP_FIRST),
        # Nothing moves, so nothing can be told, nor seen.
        ({"first": 0, "moves": False}, FieldOrder.FIELD_ORDER_UNSPECIFIED),
        # No broadcast has this size.
        ({"first": 0, "height": 720}, FieldOrder.FIELD_ORDER_UNSPECIFIED),
    ],
)
def test_fields_are_found_by_looking(tmp_path: Path, made: dict, order: FieldOrder.ValueType) -> None:
    path = film(tmp_path / "film.mkv", **made)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert not frame.interlaced_frame
        picture = picture_of(container, "film")
        assert unflagged_fields(container, picture, float(RATE), 0.0, 2.0) == order
