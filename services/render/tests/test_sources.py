"""Colours of HDR, interlaced pictures, and sound beside the picture: measured on files that are made here."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_render import ffmpeg

from clipmill.clips.v1 import clips_pb2 as clips
from clipmill.media.v1.media_pb2 import FieldOrder, MediaInfo, VideoStream

# Diffuse white, grey of 18%, and the sun, in cd/m2 (ITU-R BT.2408).
WHITE, GREY, SUN = 203.0, 26.0, 990.0


def pq(nits: float) -> int:
    """The 10-bit luma of limited range that SMPTE ST 2084 gives to `nits`."""
    power = (nits / 10000) ** 0.1593017578125
    return round(64 + 876 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg(nits: float) -> int:
    """The same by ITU-R BT.2100's hybrid log-gamma on a screen of 1000 cd/m2, for grey."""
    scene = (nits / 1000) ** (1 / 1.2)
    signal = (3 * scene) ** 0.5 if scene <= 1 / 12 else 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073
    return round(64 + 876 * signal)


def sdr(share: float) -> float:
    """The 8-bit luma of `share` of white on a screen by ITU-R BT.1886."""
    return 16 + 219 * share ** (1 / 2.4)


@dataclass
class Encoded:
    """A video of 320x180 that ffmpeg makes of a filter source."""

    picture: str
    arguments: tuple[str, ...] = ()
    interlaced: bool = False
    fps: float = 25.0
    unflagged: FieldOrder.ValueType = FieldOrder.FIELD_ORDER_UNSPECIFIED

    def make(self, folder: Path) -> object:
        path = folder / "source.mp4"
        command = [ffmpeg.executable(), "-v", "error", "-y", "-f", "lavfi", "-i", self.picture]
        subprocess.run([*command, *self.arguments, str(path)], check=True)
        video = VideoStream(
            width=320, height=180, display_width=320, display_height=180, fps=self.fps, interlaced=self.interlaced,
            unflagged_fields=self.unflagged,
        )  # fmt: skip
        return Source(path, MediaInfo(duration_s=1.0, container="mov", video=video))


@dataclass(frozen=True)
class Source:
    path: Path
    info: MediaInfo


def hdr(code: int, transfer: str) -> Encoded:
    """Frames of one grey, whose 10-bit luma is `code`."""
    params = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:log-level=error"
    return Encoded(
        f"color=c=black:s=320x180:r=25:d=1,format=yuv420p10le,geq=lum={code}:cb=512:cr=512",
        ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", params, "-pix_fmt", "yuv420p10le"),
    )


def luma(clip) -> float:
    """The mean luma of the clip's middle, 8 bits, limited range."""
    with av.open(str(clip.result.video)) as container:
        frame = next(container.decode(video=0))
        assert (frame.format.name, frame.colorspace, container.streams.video[0].codec_context.color_trc) == (
            "yuv420p",
            1,
            1,
        )
        return float(frame.to_ndarray()[frame.height // 2 - 5 : frame.height // 2 + 5, 90:110].mean())


@pytest.mark.parametrize(("transfer", "code"), [("smpte2084", pq), ("arib-std-b67", hlg)])
def test_hdr_becomes_sdr_in_which_grey_is_as_bright_as_it_was_and_highlights_are_still_told_apart(
    make_clip, tmp_path, transfer, code
):
    found = {}
    for nits in (GREY, WHITE, SUN):
        folder = tmp_path / str(nits)
        folder.mkdir()
        clip = make_clip(hdr(code(nits), transfer), 0.0, 0.4, inside=folder)
        assert clip.codes == {"HDR_TONE_MAPPED"}
        found[nits] = luma(clip)
    assert found[GREY] == pytest.approx(sdr(GREY / WHITE), abs=3)
    # Diffuse white leaves room for what is brighter.
    assert found[WHITE] == pytest.approx(sdr(0.68), abs=3)
    assert found[SUN] == pytest.approx(sdr(1.0), abs=3)


@pytest.mark.parametrize("layout", [clips.LAYOUT_FILL, clips.LAYOUT_FIT])
def test_colours_of_hdr_are_the_same_in_every_layout(make_clip, layout):
    clip = make_clip(hdr(pq(GREY), "smpte2084"), 0.0, 0.4, aspect=clips.ASPECT_9_16, layout=layout)
    assert luma(clip) == pytest.approx(sdr(GREY / WHITE), abs=3)


def test_wide_colours_that_are_not_hdr_keep_their_brightness(make_clip):
    wide = Encoded(
        "color=c=gray:s=320x180:r=25:d=1,format=yuv420p,"
        "setparams=color_primaries=bt2020:color_trc=bt2020-10:colorspace=bt2020nc",
        ("-c:v", "libx264"),
    )
    clip = make_clip(wide, 0.0, 0.4)
    assert luma(clip) == pytest.approx(126, abs=2)
    assert clip.codes == set()


def combing(picture: np.ndarray) -> float:
    """How much a line differs from those beside it, over how much it differs from those two away: 1 without fields."""
    lines = picture[:, :, 1].astype(float)
    return float(np.abs(np.diff(lines, axis=0)).mean() / np.abs(lines[2:] - lines[:-2]).mean().clip(1e-9))


def test_an_interlaced_picture_has_no_combs_and_a_progressive_one_is_left_alone(make_clip, tmp_path):
    # A bar that moves 8 pixels from field to field, on a ramp that gives each line something of its own.
    bar = "nullsrc=s=320x180:r=50:d=1,geq=lum='40+Y/4+150*between(X-mod(8*N,320),0,60)':cb=128:cr=128"
    x264 = ("-c:v", "libx264", "-crf", "5", "-pix_fmt", "yuv420p")
    interlaced = Encoded(
        f"{bar},interlace=scan=tff:lowpass=off", (*x264, "-flags", "+ilme+ildct", "-field_order", "tt")
    )
    found = {}
    for flagged in (True, False):
        folder = tmp_path / str(flagged)
        folder.mkdir()
        interlaced.interlaced = flagged
        clip = make_clip(interlaced, 0.0, 0.8, inside=folder)
        assert len(clip.pictures) == 20
        found[flagged] = float(np.median([combing(picture) for picture in clip.pictures[2:18]]))
    # What is not flagged shows that there are combs to be removed.
    assert found[False] > 2.0
    assert found[True] < 0.8
    folder = tmp_path / "progressive"
    folder.mkdir()
    progressive = Encoded(f"{bar},fps=25", x264, interlaced=True)
    clip = make_clip(progressive, 0.0, 0.8, inside=folder)
    assert np.median([combing(picture) for picture in clip.pictures[2:18]]) < 0.8


@pytest.mark.parametrize(
    ("scan", "order"), [("tff", FieldOrder.FIELD_ORDER_TOP_FIRST), ("bff", FieldOrder.FIELD_ORDER_BOTTOM_FIRST)]
)
def test_fields_that_no_frame_says_are_taken_apart_in_the_order_that_was_found(make_clip, scan, order):
    bar = "nullsrc=s=320x180:r=50:d=1,geq=lum='40+Y/4+150*between(X-mod(8*N,320),0,60)':cb=128:cr=128"
    whole = ("-c:v", "libx264", "-crf", "5", "-pix_fmt", "yuv420p", "-x264-params", "interlaced=0")
    woven = Encoded(f"{bar},interlace=scan={scan}:lowpass=off,setfield=prog", whole, unflagged=order)
    clip = make_clip(woven, 0.0, 0.8)
    assert float(np.median([combing(picture) for picture in clip.pictures[2:18]])) < 0.8
    # Each frame is of its earlier field's time: the bar has gone 8 pixels a field, two fields a frame.
    edges = [int((picture[60:120, :, 1].mean(axis=0) > 130).argmax()) for picture in clip.pictures[2:16]]
    assert np.abs(np.subtract(edges, [16 * number for number in range(2, 16)])).max() <= 3
