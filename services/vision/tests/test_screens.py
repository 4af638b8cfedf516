"""Slides and shared screens are told from what was filmed."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from clipmill_vision.domain.screen import is_drawn
from clipmill_vision.exchange import Effort, Part, Request, Shown
from clipmill_vision.work import look

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / ".venv/sample/sample.mp4"
FAST = Effort(2.0, 0.65, deblock=False)
LINES = ["Revenue grew in every region", "Costs fell for the third year", "Two markets opened", "Hiring follows demand"]


def text(line: str, x: int, y: int, size: int, colour: str) -> str:
    font = distribution("font-roboto").locate_file("font_roboto/files/Roboto-Regular.ttf")
    return f"drawtext=fontfile={font}:text='{line}':x={x}:y={y}:fontsize={size}:fontcolor={colour}"


SLIDES = {
    "bullets": ("white", [text(line, 120, 190 + 80 * n, 40, "0x303030") for n, line in enumerate(LINES)]),
    "title": ("0x1a2a6c", [text("The line that moves", 200, 280, 90, "white")]),
    "title on black": ("black", [text("The line that moves", 200, 280, 90, "white")]),
    "code": ("0x1e1e1e", [text(LINES[n % 4], 60 + 20 * (n % 4), 20 + 23 * n, 18, "0xd4d4d4") for n in range(30)]),
    "page": ("white", [text(" ".join(LINES[:3]), 160, 110 + 30 * n, 22, "black") for n in range(19)]),
    "chart": ("white", [f"drawbox={150 + 120 * n}:{650 - 60 * n}:80:{60 * n}:0x3377cc:fill" for n in range(1, 8)]),
}


def drawn(path: Path, slide: str, *, with_speaker: bool) -> Path:
    ground, filters = SLIDES[slide]
    inputs = ["-f", "lavfi", "-i", f"color={ground}:s=1280x720:r=25:d=1.2"]
    graph = f"[0:v]{','.join(filters)}[s]"
    if with_speaker:
        inputs += ["-ss", "7", "-t", "1.2", "-i", str(SAMPLE)]
        graph += ";[1:v]scale=256:144[a];[s][a]overlay=1000:560[s]"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, "-filter_complex", graph, "-map", "[s]"]
    subprocess.run([*command, "-t", "1.2", "-preset", "veryfast", "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


@pytest.mark.parametrize("with_speaker", [False, True], ids=["alone", "with the speaker in a corner"])
@pytest.mark.parametrize("slide", SLIDES)
def test_what_was_drawn_is_a_screen(tmp_path: Path, slide: str, with_speaker: bool) -> None:
    path = drawn(tmp_path / "a.mp4", slide, with_speaker=with_speaker)
    (shot,) = look(Request(Part(path, 0, 0.0, 0.0, 1.2), Shown(1280, 720, 0), FAST), lambda _: None).shots
    assert shot.is_screen


@pytest.mark.parametrize("level", [0, 16, 90, 235, 255])
def test_an_empty_picture_is_none(level: int) -> None:
    assert not is_drawn(np.full((144, 256), level, np.uint8))


def test_a_dark_room_that_is_clipped_to_black_is_none() -> None:
    picture = np.zeros((144, 256), np.uint8)
    picture[40:110, 60:200] = np.random.default_rng(1).integers(0, 256, (70, 140))
    assert not is_drawn(picture)


def test_in_the_sample_the_slide_alone_is_a_screen() -> None:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())["shots"]
    request = Request(Part(SAMPLE, 0, 0.0, 36.0, 80.0), Shown(1280, 720, 0), FAST)
    for shot in look(request, lambda _: None).shots:
        middle_s = (shot.start_s + shot.end_s) / 2
        kind = next(entry["kind"] for entry in truth if entry["start_s"] <= middle_s < entry["end_s"])
        assert shot.is_screen == (kind == "slide"), kind


MEDIA = ROOT.parent / "shared/media"


@pytest.mark.media
@pytest.mark.skipif(not MEDIA.exists(), reason="../shared/media is not there")
@pytest.mark.parametrize("name", ["issue-195-aspect-ratio.mp4", "nasa_13013.mp4"])
def test_nothing_that_was_filmed_is_a_screen(name: str) -> None:
    with av.open(str(MEDIA / name)) as container:
        stream = max(container.streams.video, key=lambda stream: stream.width)
        part = Part(MEDIA / name, stream.index, 0.0, 0.0, float(stream.duration * stream.time_base))
        shown = Shown(stream.width, stream.height, 0)
    assert not any(shot.is_screen for shot in look(Request(part, shown, FAST), lambda _: None).shots)
