"""Reading a part: which frames, at which times, over what is broken."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_vision.exchange import Part, Seen, Shown, Tally
from clipmill_vision.frames import frames, frames_about
from clipmill_vision.handlers import warnings_of
from clipmill_vision.pictures import thumbnail, upright

from clipmill.vision.v1.vision_pb2 import VisionTask
from clipmill_shared.errors import ClipmillError

from .made_videos import scene, steady, write_video


def times_of(path: Path, start_s: float = 0.0, end_s: float = 1e9, clock_s: float = 0.0) -> tuple[list[float], Tally]:
    tally = Tally()
    times = [t for t, _ in frames(Part(path, 0, clock_s, start_s, end_s), tally, 1, deblock=True)]
    return times, tally


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_every_frame_is_in_exactly_one_of_the_parts(tmp_path: Path, suffix: str) -> None:
    times = steady(60)
    path = write_video(tmp_path / f"a{suffix}", [scene(n // 20) for n in range(60)], times, keys_every=10)
    whole, _ = times_of(path, clock_s=(clock := clock_of(path)))
    parts = [times_of(path, a, b, clock)[0] for a, b in [(0.0, 0.8), (0.8, 1.6), (1.6, 2.4)]]
    assert whole == pytest.approx(times, abs=2e-3)
    assert [len(part) for part in parts] == [20, 20, 20]
    assert [time_s for part in parts for time_s in part] == whole


def clock_of(path: Path) -> float:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return float(frame.pts * frame.time_base)


def test_of_each_span_there_is_what_is_made_of_its_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [scene(1)] * 50, steady(50), keys_every=10)
    first, second = frames_about(Part(path, 0, 0.0, 0.0, 2.0), [(0.19, 0.3), (1.5, 1.59)], lambda frame: frame.width)
    assert first == [(pytest.approx(at, abs=2e-3), 320) for at in (0.2, 0.24, 0.28)]
    assert [time_s for time_s, _ in second] == pytest.approx([1.52, 1.56], abs=2e-3)


def test_spans_of_what_cannot_be_opened_are_the_files_fault(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"no video")
    with pytest.raises(ClipmillError, match=r"a\.mkv: no picture"):
        list(frames_about(Part(tmp_path / "a.mkv", 0, 0.0, 0.0, 2.0), [(0.0, 1.0)], lambda frame: frame))


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 0.52, 0.56, 2.0, 2.01, 5.0]
    path = write_video(tmp_path / "a.mkv", [scene(1)] * 8, times)
    assert times_of(path)[0] == pytest.approx(times, abs=2e-3)


def test_times_are_counted_from_the_videos_first_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [scene(1)] * 10, steady(10, begin_s=3.0))
    assert times_of(path, clock_s=3.0)[0] == pytest.approx(steady(10), abs=2e-3)


def test_frames_that_go_back_in_time_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        order = [50, 90, 130, 100, 170]
        for number, pts in enumerate(order):
            frame = av.VideoFrame.from_ndarray(scene(1, 64, 48), format="rgb24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in stream.encode(frame):
                packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), pts, 10 * number
                container.mux(packet)
    times, tally = times_of(path)
    assert times == pytest.approx([0.05, 0.09, 0.13, 0.17])
    assert tally.out_of_order == 1


def test_a_broken_stretch_is_passed_over_and_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.ts", [scene(n) for n in range(60)], steady(60), keys_every=10)
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + 2000] = np.random.default_rng(1).bytes(2000)
    path.write_bytes(content)
    times, tally = times_of(path, clock_s=clock_of(path))
    assert tally.corrupt > 0
    assert 40 < len(times) <= 60
    assert times[-1] == pytest.approx(59 / 25, abs=2e-3)


@pytest.mark.parametrize("size", [(321, 181), (2, 2), (1920, 16)])
def test_odd_and_tiny_sizes_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_video(tmp_path / "a.mkv", [scene(1, *size)], [0.0], codec="mjpeg" if size == (2, 2) else "libx264")
    ((_, frame),) = list(frames(Part(path, 0, 0.0, 0.0, 1.0), Tally(), 1, deblock=True))
    assert all(plane.size for plane in thumbnail(frame).planes)
    assert max(upright(frame, Shown(*size, 0)).shape[:2]) == 256


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\n#EXTINF:1\n/etc/passwd\n", b"not a video at all\n" * 99])
def test_what_is_no_video_is_the_inputs_fault(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "talk.mp4"
    path.write_bytes(content)
    with pytest.raises(ClipmillError, match=r"talk\.mp4") as caught:
        times_of(path)
    assert caught.value.code == "INPUT_UNREADABLE"


def test_a_stream_that_is_not_there_is_the_inputs_fault(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(1)], [0.0])
    with pytest.raises(ClipmillError, match="stream 4"):
        list(frames(Part(path, 4, 0.0, 0.0, 1.0), Tally(), 1, deblock=True))


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "nv12", "gray", "rgb24"])
def test_thumbnails_of_any_format_show_the_same_picture(form: str) -> None:
    picture = np.repeat(np.repeat(scene(1, 16, 9)[:9, :16], 80, 0), 80, 1)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=form, dst_color_range="MPEG")
    shown = frame.reformat(format="gray").to_ndarray()
    small = thumbnail(frame).luma
    assert small.shape == (90, 160)
    assert np.corrcoef(small.ravel(), shown[::8, ::8].ravel())[0, 1] > 0.99


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_picture_is_turned_clockwise_for_showing(turn: int, corner: tuple[int, int]) -> None:
    coded = np.zeros((180, 320, 3), np.uint8)
    coded[:90, :160] = 255
    shown = Shown(320, 180, turn) if turn % 180 == 0 else Shown(180, 320, turn)
    picture = upright(av.VideoFrame.from_ndarray(coded, format="rgb24"), shown)
    assert picture.shape == ((144, 256, 3) if turn % 180 == 0 else (256, 144, 3))
    assert [c for c in [(0, 0), (0, -1), (-1, -1), (-1, 0)] if picture[c].mean() > 128] == [corner]


def test_long_pixels_are_shown_long() -> None:
    frame = av.VideoFrame.from_ndarray(scene(1, 704, 576), format="rgb24")
    assert upright(frame, Shown(1024, 576, 0)).shape == (144, 256, 3)


def test_where_no_card_decodes_the_video_the_processor_does_and_it_is_said(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(n) for n in range(30)], steady(30))
    part, tally = Part(path, 0, 0.0, 0.0, 9.0), Tally()
    # H.264 has no decoder of this kind in any build.
    found = [time_s for time_s, _ in frames(part, tally, 1, deblock=True, card="drm")]
    alone, without = times_of(path)
    assert found == alone
    assert (tally.card_missing, without.card_missing) == (True, False)
    seen = Seen([], [], tally, 30, [], cut_at_end=False)
    assert [warning.code for warning in warnings_of(VisionTask(), seen)] == ["DECODER_FELL_BACK"]
