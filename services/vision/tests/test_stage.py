"""The whole stage: a task in, a child process that looks, an analysis out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from clipmill_vision.exchange import Seen, Tally
from clipmill_vision.handlers import stage_work, version, warnings_of
from clipmill_vision.settings import VisionSettings

from clipmill.common.v1.common_pb2 import PROFILE_BEST, PROFILE_FAST, Profile, TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis, VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs, sha256_of
from clipmill_shared.compute import Children
from clipmill_shared.errors import ClipmillError

from .made_videos import scene, steady, write_video

# A child ends with the thread that started it, which is the loop's: one loop for one child.
in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def children() -> AsyncIterator[Children]:
    children = Children("clipmill_vision.work:look", slots=1)
    yield children
    await children.close()


async def analysed(
    children: Children, path: Path, start_s: float, end_s: float, profile: Profile.ValueType = PROFILE_FAST
) -> tuple[VisionAnalyzed, VisionAnalysis]:
    blobs = Blobs.in_folder(path.parent / "blobs", path.parent / "scratch", (path.parent,))
    task = VisionTask(
        task=Task(owner_id="ann"),
        source=await blobs.reference_file(path, sha256_of(path)[0], "video/mp4"),
        part=TimeRange(start_s=start_s, end_s=end_s),
        display_width=320,
        display_height=180,
        profile=profile,
        video_id="v1",
    )
    answer = await stage_work(children, blobs, VisionSettings()).work(task, lambda _: None)
    return answer, await blobs.get_message(answer.analysis, VisionAnalysis)


@pytest.mark.parametrize(("end_s", "cut_at_end"), [(1.0, True), (0.96, False), (1.4, False), (3.0, False)])
@in_one_loop
async def test_a_part_knows_whether_a_cut_lies_at_its_end(
    children: Children, tmp_path: Path, end_s: float, cut_at_end: bool
) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(1)] * 25 + [scene(2)] * 50, steady(75))
    _, analysis = await analysed(children, path, 0.0, end_s)
    assert analysis.cut_at_end is cut_at_end
    assert analysis.frames == round(end_s * 25)


@pytest.mark.parametrize("profile", [PROFILE_FAST, PROFILE_BEST])
@in_one_loop
async def test_shots_cover_the_part_and_are_cut_where_scenes_change(
    children: Children, tmp_path: Path, profile: Profile.ValueType
) -> None:
    pictures = [scene(1)] * 25 + [scene(2)] * 30 + [np.full_like(scene(1), 20)] * 20
    path = write_video(tmp_path / "a.mp4", pictures, steady(75))
    answer, analysis = await analysed(children, path, 0.0, 3.0, profile)
    ranges = [(shot.range.start_s, shot.range.end_s) for shot in analysis.shots]
    assert ranges == [(0, pytest.approx(1.0)), (pytest.approx(1.0), pytest.approx(2.2)), (pytest.approx(2.2), 3.0)]
    assert analysis.shots[2].brightness == pytest.approx(20 / 255, abs=0.01)
    assert analysis.shots[2].sharpness < analysis.shots[0].sharpness
    assert not analysis.face_tracks
    assert analysis.frames == 75
    assert answer.shots == 3
    assert answer.video_id == "v1"
    assert {model.task for model in answer.answer.models} == {
        "faces",
        "mouths",
        "people",
        "pictures",
        "saliency",
        "screens",
        "shots",
        "text areas",
    }
    assert not answer.answer.warnings


@in_one_loop
async def test_a_later_part_begins_at_a_seam_on_the_videos_clock(children: Children, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(1)] * 75, steady(75), keys_every=25)
    _, analysis = await analysed(children, path, 1.0, 3.0)
    (shot,) = analysis.shots
    assert shot.begins_at_seam
    assert (shot.range.start_s, shot.range.end_s) == (1.0, 3.0)
    assert analysis.frames == 50


@in_one_loop
async def test_a_video_of_one_frame_is_one_shot(children: Children, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(1)], [0.0])
    _, analysis = await analysed(children, path, 0.0, 0.04)
    assert len(analysis.shots) == 1
    assert analysis.frames_with_face_search == 1


@in_one_loop
async def test_a_picture_that_stops_before_its_part_is_told(children: Children, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(1)] * 25, steady(25))
    answer, analysis = await analysed(children, path, 0.0, 4.0)
    assert [warning.code for warning in answer.answer.warnings] == ["PICTURE_ENDS_EARLY"]
    assert analysis.shots[-1].range.end_s == 4.0


@in_one_loop
async def test_a_part_without_any_frame_is_the_inputs_fault(children: Children, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(1)] * 25, steady(25))
    with pytest.raises(ClipmillError, match=r"a\.mp4") as caught:
        await analysed(children, path, 8.0, 9.0)
    assert caught.value.code == "INPUT_UNREADABLE"


def test_damage_is_told_with_its_count() -> None:
    seen = Seen([], [], Tally(corrupt=3, out_of_order=2, last_s=9.9), 100, [], cut_at_end=False)
    warnings = warnings_of(VisionTask(part=TimeRange(start_s=0, end_s=10)), seen)
    assert [(w.code, w.part) for w in warnings] == [("CORRUPT_FRAMES", "vision"), ("FRAMES_OUT_OF_ORDER", "vision")]
    assert warnings[0].message.startswith("3 ")


def test_settings_that_change_the_answer_change_the_version() -> None:
    assert version(VisionSettings(min_face_confidence=0.5)) != version(VisionSettings())
    assert version(VisionSettings(slots=7, decoder_threads=2)) == version(VisionSettings())
