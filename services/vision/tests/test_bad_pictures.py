"""Every odd or bad picture gives the right answer, or one with a warning that names what is wrong."""

from __future__ import annotations

import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_vision.domain.passages import Kind
from clipmill_vision.exchange import Effort, Part, Request, Seen, Shown, Video
from clipmill_vision.handlers import warnings_of
from clipmill_vision.probe import what_it_is
from clipmill_vision.work import look
from imageio_ffmpeg import get_ffmpeg_exe

from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import VisionTask

from .made_videos import Picture, scene, steady, write_video

FAST = Effort(2.0, 0.65, deblock=False)


def seen(path: Path) -> tuple[Video, Seen, list[str]]:
    """What the video is, what is seen in it, and the codes of what is warned of."""
    video = what_it_is(path)
    part = Part(path, video.stream_index, video.clock_start_s, 0.0, video.duration_s)
    result = look(Request(part, video.shown, FAST), lambda _: None)
    task = VisionTask(part=TimeRange(start_s=0, end_s=video.duration_s))
    return video, result, [warning.code for warning in warnings_of(task, result)]


def two_scenes(count: int = 50, width: int = 320, height: int = 180) -> list[Picture]:
    return [scene(1, width, height)] * (count // 2) + [scene(2, width, height)] * (count - count // 2)


def cuts(result: Seen) -> list[float]:
    return [shot.start_s for shot in result.shots[1:]]


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *map(str, arguments)], check=True)


def test_a_black_video_is_one_black_shot_without_faces(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [np.zeros((180, 320, 3), np.uint8)] * 75, steady(75))
    _, result, warned = seen(path)
    assert [(p.kind, p.start_s, p.end_s) for p in result.passages] == [(Kind.BLACK, 0.0, 3.0)]
    assert len(result.shots) == 1
    assert result.tracks == []
    assert warned == []


def test_a_single_frame_is_one_shot(tmp_path: Path) -> None:
    video, result, warned = seen(write_video(tmp_path / "a.mp4", [scene(1)], [0.0]))
    assert (result.frames, len(result.shots), warned) == (1, 1, [])
    assert result.shots[0].end_s == pytest.approx(video.duration_s)
    assert result.shots[0].keyframe_s == 0.0


@pytest.mark.parametrize(("fps", "count"), [(1, 10), (240, 480)])
def test_a_cut_is_found_at_any_frame_rate(tmp_path: Path, fps: int, count: int) -> None:
    path = write_video(tmp_path / "a.mkv", two_scenes(count), steady(count, fps))
    _, result, warned = seen(path)
    assert cuts(result) == pytest.approx([count / 2 / fps], abs=2e-3)
    assert (result.frames, warned) == (count, [])


# Four frames: of 7680 x 4320, each takes half a second to make.
@pytest.mark.parametrize("size", [(7680, 4320), (16, 16), (180, 320), (406, 720)])
def test_a_picture_of_any_size_and_shape_is_seen(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_video(tmp_path / "a.mkv", two_scenes(4, *size), steady(4, 4))
    video, result, warned = seen(path)
    assert (video.shown.width, video.shown.height) == size
    assert cuts(result) == pytest.approx([0.5], abs=2e-3)
    assert warned == []


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_video_is_seen_upright(tmp_path: Path, turn: int) -> None:
    upright = write_video(tmp_path / "upright.mp4", [_bright_at_the_top()] * 25, steady(25))
    path = tmp_path / "turned.mp4"
    # ffmpeg counts anticlockwise; what it writes is to be turned back by as much.
    ffmpeg("-display_rotation", str(-turn), "-i", upright, "-c", "copy", path)
    video, result, _ = seen(path)
    assert video.shown.rotation_deg == turn
    assert (video.shown.width > video.shown.height) == (turn == 180)
    across, down = result.shots[0].salience.across, result.shots[0].salience.down
    strikes = {90: across[::-1], 180: down[::-1], 270: across}[turn]
    assert np.argmax(strikes) < len(strikes) / 3


def _bright_at_the_top() -> Picture:
    picture = np.random.default_rng(1).integers(90, 96, (180, 320, 3)).astype(np.uint8)
    picture[10:40, 145:175] = 240
    return picture


def test_a_variable_frame_rate_keeps_its_own_times(tmp_path: Path) -> None:
    times = [*steady(25, 50), *(0.5 + 0.2 * n for n in range(10)), *(2.5 + t for t in steady(25, 60))]
    _, result, warned = seen(write_video(tmp_path / "a.mkv", two_scenes(60), times))
    assert cuts(result) == pytest.approx([times[30]], abs=2e-3)
    assert warned == []


def test_an_interlaced_video_has_its_cut_and_no_other(tmp_path: Path) -> None:
    progressive = write_video(tmp_path / "p.mkv", _moving(100), steady(100, 50))
    path = tmp_path / "i.mkv"
    interlaced = ("-vf", "interlace", "-c:v", "libx264", "-flags", "+ildct+ilme", "-x264opts", "tff=1")
    ffmpeg("-r", "50", "-i", progressive, *interlaced, path)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    _, result, warned = seen(path)
    # The frame of the cut has a field of each scene.
    assert cuts(result) == pytest.approx([1.0], abs=0.041)
    assert warned == []


def _moving(count: int) -> list[Picture]:
    return [np.roll(scene(1 if n < count / 2 else 2), n, axis=1) for n in range(count)]


def test_damage_in_the_middle_is_passed_over_and_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.ts", _moving(100), steady(100), keys_every=10)
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + 4000] = np.random.default_rng(1).bytes(4000)
    path.write_bytes(content)
    video, result, warned = seen(path)
    assert "CORRUPT_FRAMES" in warned
    assert video.duration_s == pytest.approx(4, abs=0.1)
    assert 75 < result.frames <= 100
    assert any(abs(cut - 2) < 0.05 for cut in cuts(result))


def test_a_header_of_ten_hours_does_not_make_a_video_long(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", two_scenes(50), steady(50))
    content = path.read_bytes()
    # Matroska's Duration: id 4489, length 8, a double in milliseconds.
    at = content.index(b"\x44\x89\x88") + 3
    path.write_bytes(content[:at] + struct.pack(">d", 36_000_000) + content[at + 8 :])
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(36_000_000_000)
    video, result, _ = seen(path)
    assert video.duration_s == pytest.approx(2, abs=0.05)
    assert cuts(result) == pytest.approx([1.0], abs=2e-3)


def test_timestamps_that_jump_back_are_told_and_the_rest_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuvj420p"
        for number, picture in enumerate(two_scenes(50)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in stream.encode(frame):
                # From the 20th to the 24th the clock is half a second behind.
                packet.time_base, packet.dts = Fraction(1, 1000), number
                packet.pts = 40 * number - (500 if 20 <= number < 25 else 0)
                container.mux(packet)
    _, result, warned = seen(path)
    assert warned == ["FRAMES_OUT_OF_ORDER"]
    assert result.frames == 45
    assert cuts(result) == pytest.approx([1.0], abs=2e-3)


def test_of_several_programmes_one_is_seen_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    large = write_video(tmp_path / "large.mkv", two_scenes(50), steady(50))
    small = write_video(tmp_path / "small.mkv", [scene(5, 160, 90)] * 100, steady(100))
    path = tmp_path / "a.ts"
    programmes = ("-program", "title=small:st=0", "-program", "title=large:st=1")
    ffmpeg("-i", small, "-i", large, "-map", "0:v", "-map", "1:v", "-c", "copy", *programmes, path)
    video, result, warned = seen(path)
    assert video.shown == Shown(320, 180, 0)
    assert video.duration_s == pytest.approx(2, abs=0.05)
    assert cuts(result) == pytest.approx([1.0], abs=2e-3)
    assert warned == []
