"""What the source's stored colours mean, and how they become those of every screen (SDR, BT.709)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av

from clipmill.media.v1.media_pb2 import VideoStream
from clipmill_render.ffmpeg import FORMATS

# ITU-T H.273.
UNSPECIFIED = 2
BT2020_PRIMARIES = 9
MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
HDR = {16: "smpte2084", 18: "arib-std-b67"}
# Players take untagged video of this height and more for BT.709, smaller for BT.601.
HD_HEIGHT = 720
# Diffuse white of HDR in cd/m2 (ITU-R BT.2408), and the brightest that is still told apart: beyond, all is white.
WHITE_NITS = 203
PEAK_NITS = 1000
# Up to this share of diffuse white (skin, and all that is darker) brightness is kept as it is; above, it is compressed.
KEPT_SHARE = 0.3


@dataclass(frozen=True)
class Colours:
    """How the source's colours are read: `matrix` to tag frames with that are not ("" where they are), and `transfer`,
    as ffmpeg names it, where it is HDR (else ""). `wide` is true for BT.2020 primaries.
    """

    matrix: str
    transfer: str
    wide: bool
    # By which what is drawn on the clip's frames has the clip's colours.
    drawn: str = "bt709"

    @property
    def mapping(self) -> list[str]:
        """Filters to BT.709 in 8 bits, for frames of limited range; none where frames are that already."""
        if not self.wide:
            return []
        tagged = f"pin=bt2020:min=bt2020nc:rin=limited:tin={self.transfer or 'bt709'}"
        if not self.transfer:
            return [f"zscale={tagged}:p=bt709:t=bt709:m=bt709:r=limited", "format=yuv420p"]
        return [
            f"zscale={tagged}:t=linear:npl={WHITE_NITS}",
            "format=gbrpf32le",
            "zscale=p=bt709",
            f"tonemap=mobius:param={KEPT_SHARE}:peak={PEAK_NITS / WHITE_NITS:.3f}:desat=0",
            "zscale=t=bt709:m=bt709:r=limited",
            "format=yuv420p",
        ]


def colours_of(source: Path, video: VideoStream) -> Colours:
    """What the source says of its colours; where it says nothing, what players would guess."""
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with av.open(str(source), options=options, metadata_errors="replace") as container:
        stream = container.streams[video.index]
        assert isinstance(stream, av.VideoStream)
        codec = stream.codec_context
        transfer = HDR.get(codec.color_trc, "")
        if transfer or codec.color_primaries == BT2020_PRIMARIES:
            return Colours("", transfer, wide=True)
        if codec.colorspace != UNSPECIFIED:
            return Colours("", "", wide=False, drawn=MATRICES.get(codec.colorspace, "bt709"))
    is_hd = min(video.display_width, video.display_height) >= HD_HEIGHT
    guessed = "bt709" if is_hd else "smpte170m"
    return Colours(guessed, "", wide=False, drawn=guessed)
