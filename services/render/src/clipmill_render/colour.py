"""Which matrix turns the source's stored colours into the ones shown."""

from __future__ import annotations

from pathlib import Path

import av

from clipmill.media.v1.media_pb2 import VideoStream
from clipmill_render.ffmpeg import FORMATS

UNSPECIFIED = 2
# Players take untagged video of this height and more for BT.709, smaller for BT.601.
HD_HEIGHT = 720


def colour_matrix(source: Path, video: VideoStream) -> str:
    """The matrix to tag untagged frames with, as players would guess it; "" when the source says it itself."""
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with av.open(str(source), options=options, metadata_errors="replace") as container:
        stream = container.streams[video.index]
        assert isinstance(stream, av.VideoStream)
        if stream.codec_context.colorspace != UNSPECIFIED:
            return ""
    return "bt709" if min(video.display_width, video.display_height) >= HD_HEIGHT else "smpte170m"
