"""Small videos and pictures made for the tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from clipmill_vision.domain.thumbnail import Thumbnail
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
TICKS = 1000


def scene(seed: int, width: int = 320, height: int = 180) -> Picture:
    """A picture of coloured blocks, RGB; another seed is another scene."""
    blocks = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((-(-height // 9), -(-width // 16), 1), np.uint8))[:height, :width]


def gray_thumbnail(picture: Picture) -> Thumbnail:
    return Thumbnail([np.ascontiguousarray(picture[::2, ::2, 1])])


def write_video(
    path: Path, pictures: Iterable[Picture], times_s: Sequence[float], *, codec: str = "libx264", keys_every: int = 25
) -> Path:
    """Encode `pictures`, each shown from its time on, with a keyframe every `keys_every` frames."""
    with av.open(str(path), "w") as container:
        stream = None
        for picture, time_s in zip(pictures, times_s, strict=True):
            if stream is None:
                height, width = picture.shape[:2]
                odd = width % 2 or height % 2
                stream = container.add_stream(codec, rate=Fraction(25), options={"crf": "20", "preset": "ultrafast"})
                stream.width, stream.height = width, height
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv444p" if odd else "yuv420p"
                stream.codec_context.gop_size = keys_every
                stream.codec_context.time_base = Fraction(1, TICKS)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))
    return path


def steady(count: int, fps: float = 25.0, begin_s: float = 0.0) -> list[float]:
    return [begin_s + number / fps for number in range(count)]
