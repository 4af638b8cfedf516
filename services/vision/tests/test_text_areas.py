"""Where something is written: found over photographs and slides, not where nothing is, and cheap to leave alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from clipmill_vision.domain.text_areas import Text, TextArea, areas_of, connected, may_be_written
from clipmill_vision.exchange import Effort, Part, Request, Shown
from clipmill_vision.models.text_areas import text_areas
from clipmill_vision.pictures import fine_luma, upright
from clipmill_vision.work import TEXT_SIDE, look
from PIL import Image
from scipy import ndimage

from .lettered import Counts, lettered
from .made_videos import scene, steady, write_video

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"
FAST = Effort(2.0, 0.65, deblock=False)
BEST = replace(FAST, text_every_s=0.0)
HD = Shown(1280, 720, 0)


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """A picture of each of the sample's shots but its slide."""
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())["shots"]
    pictures = []
    with av.open(str(SAMPLE)) as container:
        for shot in truth:
            if shot["kind"] != "slide":
                at_s = (shot["start_s"] + shot["end_s"]) / 2
                container.seek(round(at_s / container.streams.video[0].time_base), stream=container.streams.video[0])
                frame = next(frame for frame in container.decode(video=0) if frame.time >= at_s)
                pictures.append(frame.to_image())
    return pictures


def frame_of(picture: Image.Image) -> VideoFrame:
    return VideoFrame.from_image(picture).reformat(format="yuv420p")


def test_lines_over_photographs_are_found_and_little_else(photos: list[Image.Image]) -> None:
    counts = Counts()
    for seed, photo in enumerate(photos):
        picture, truth = lettered(photo, seed)
        frame = frame_of(picture)
        assert may_be_written(fine_luma(frame, HD))
        counts.add(truth, text_areas(upright(frame, HD, TEXT_SIDE)).areas, 1280, 720)
    assert counts.lines > 15
    assert counts.found == counts.lines
    # Medals and the badge on a cap.
    assert counts.false <= 3


def test_of_a_photograph_without_text_the_model_is_not_even_asked(photos: list[Image.Image]) -> None:
    assert not any(may_be_written(fine_luma(frame_of(photo), HD)) for photo in photos)


@pytest.mark.parametrize("effort", [FAST, BEST], ids=["fast", "best"])
def test_a_shot_has_the_text_of_its_keyframe(tmp_path: Path, photos: list[Image.Image], effort: Effort) -> None:
    titled, (line, *_) = lettered(photos[0], 1)
    pictures = [np.asarray(picture) for picture in (photos[1], titled) for _ in range(25)]
    path = write_video(tmp_path / "a.mp4", pictures, steady(50))
    without, with_text = look(Request(Part(path, 0, 0.0, 0.0, 2.0), HD, effort), lambda _: None).shots
    assert without.text == Text()
    assert with_text.text is not None
    area = min(with_text.text.areas, key=lambda a: abs(a.y0 * 720 - line.y0))
    found = np.array([area.x0 * 1280, area.y0 * 720, area.x1 * 1280, area.y1 * 720])
    assert np.abs(found - [line.x0, line.y0, line.x1, line.y1]).max() < 25
    assert 0.6 < area.confidence <= 1


def test_in_a_turned_video_the_text_is_where_it_is_shown(tmp_path: Path, photos: list[Image.Image]) -> None:
    titled, (line, *_) = lettered(photos[0], 1)
    coded = np.rot90(np.asarray(titled))
    path = write_video(tmp_path / "a.mp4", [coded] * 25, steady(25))
    (shot,) = look(Request(Part(path, 0, 0.0, 0.0, 1.0), Shown(1280, 720, 90), FAST), lambda _: None).shots
    assert shot.text is not None
    assert any(abs(a.x0 * 1280 - line.x0) < 25 and abs(a.y0 * 720 - line.y0) < 25 for a in shot.text.areas)


def test_with_text_in_every_shot_one_each_ten_seconds_is_looked_at_in_the_best_profile_all(
    tmp_path: Path, photos: list[Image.Image]
) -> None:
    scenes = [np.asarray(lettered(Image.fromarray(scene(n, 1280, 720)).point(dim), n)[0]) for n in range(6)]
    path = write_video(tmp_path / "a.mp4", [s for s in scenes for _ in range(10)], steady(60, 5.0))
    request = Request(Part(path, 0, 0.0, 0.0, 12.0), HD, FAST)
    assert looked_at(request) == [True, False, False, False, False, True]
    assert looked_at(replace(request, effort=BEST)) == [True] * 6


def dim(level: int) -> int:
    return 60 + level // 10


def looked_at(request: Request) -> list[bool]:
    return [shot.text is not None for shot in look(request, lambda _: None).shots]


def blocks(shape: tuple[int, int], *boxes: tuple[int, int, int, int, float]) -> np.ndarray:
    text = np.zeros(shape, np.float32)
    for x0, y0, x1, y1, value in boxes:
        text[y0:y1, x0:x1] = value
    return text


def test_areas_are_lines_grown_by_what_the_detector_leaves_out() -> None:
    (area,) = areas_of(blocks((100, 200), (50, 40, 110, 50, 0.9))).areas
    # 60 x 10 pixels, 1.5 x area over outline: 6.4 more on each side.
    assert area == TextArea(*(pytest.approx(v, abs=1e-3) for v in (0.218, 0.336, 0.582, 0.564)), pytest.approx(0.9))


@pytest.mark.parametrize(
    "box", [(50, 40, 110, 50, 0.5), (50, 40, 110, 42, 0.9), (50, 40, 65, 50, 0.9), (50, 10, 60, 90, 0.9)],
    ids=["unsure", "a hair", "a badge", "upright"],
)  # fmt: skip
def test_what_is_no_line_is_left_out(box: tuple[int, int, int, int, float]) -> None:
    assert areas_of(blocks((100, 200), box)).areas == ()


def test_what_areas_share_counts_once() -> None:
    text = Text((TextArea(0.0, 0.0, 0.5, 0.2, 1.0), TextArea(0.3, 0.0, 0.6, 0.1, 1.0)))
    assert text.share == pytest.approx(0.11)


@pytest.mark.parametrize("density", [0.3, 0.55, 0.8])
def test_connected_areas_are_those_of_scipy(density: float) -> None:
    mask = np.random.default_rng(4).random((60, 90)) < density
    labels, count = ndimage.label(mask)
    found = list(connected(mask))
    assert len(found) == count
    for runs in found:
        assert len({int(n) for y, begin, end in runs for n in labels[y, begin:end]}) == 1
    assert sum(end - begin for runs in found for _, begin, end in runs) == mask.sum()


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.full((180, 320), 128),
        lambda: np.random.default_rng(1).normal(128, 20, (180, 320)).clip(0, 255),
        lambda: np.tile(np.linspace(0, 255, 320), (180, 1)),
        lambda: np.zeros((5, 16)),
    ],
    ids=["plain", "noise", "gradient", "tiny"],
)
def test_where_little_changes_nobody_looks(make: Callable[[], Sequence[float]]) -> None:
    assert not may_be_written(np.asarray(make(), np.uint8))
