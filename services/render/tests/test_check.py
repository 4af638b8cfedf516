"""No clip is called done that is not what was meant: each fault is made on purpose, and each is refused by its name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from clipmill_render import ffmpeg, work
from clipmill_render.check import CheckFailedError
from clipmill_render.commands import VIDEO
from clipmill_render.domain.clock import Seen
from clipmill_render.domain.faces import Face, Shot
from clipmill_render.domain.layout import layout_for
from clipmill_render.domain.scenes import scenes_of
from clipmill_render.domain.shown import share_in_frame
from clipmill_render.domain.speakers import Turn
from clipmill_render.exchange import Request

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Word
from clipmill.clips.v1.clips_pb2 import (
    ASPECT_9_16,
    ASPECT_SOURCE,
    CAPTION_STYLE_BLOCK,
    LAYOUT_FILL,
    CaptionStyle,
    ClipHead,
    RenderTask,
)
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange


@dataclass(frozen=True)
class Written:
    """A clip that was made and not yet looked at."""

    request: Request
    made: work.Made

    def check(self) -> None:
        work.checked(self.request, self.made)

    def remade(self, *arguments: str) -> None:
        """The clip again, with a fault: by ffmpeg, of the clip as `clip.mp4`."""
        folder = self.request.folder
        subprocess.run([ffmpeg.executable(), "-v", "error", "-y", *arguments, "broken.mp4"], cwd=folder, check=True)
        (folder / "broken.mp4").replace(folder / VIDEO)


@pytest.fixture
def written(film, tmp_path: Path) -> Callable[..., Written]:
    def make(captions: CaptionStyle.ValueType = CAPTION_STYLE_BLOCK, name: str = "work") -> Written:
        folder = tmp_path / name
        folder.mkdir()
        source = film(frames=60).make(folder)
        task = RenderTask(
            clip=ClipHead(clip_id="c", range=TimeRange(start_s=0, end_s=2)),
            info=source.info,
            aspect=ASPECT_SOURCE,
            captions=captions,
            profile=PROFILE_FAST,
        )
        words = AudioAnalysis(words=[Word(text="No", start_s=0.1, end_s=1.8, ends_sentence=True)])
        request = Request(source.path, folder, task, (words,), (), 1)
        return Written(request, work.make(request, lambda _: None))

    return make


def test_a_clip_that_is_what_was_meant_is_let_through(written):
    written().check()


def test_a_clip_whose_middle_cannot_be_decoded_is_refused(written):
    clip = written()
    path = clip.request.folder / VIDEO
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat")
    middle = at + (len(content) - at) // 2
    content[middle : middle + 400] = np.random.default_rng(1).bytes(400)
    path.write_bytes(bytes(content))
    with pytest.raises(CheckFailedError, match="decoded"):
        clip.check()


def test_a_clip_without_the_captions_that_were_asked_for_is_refused(written):
    clip = written()
    plain = written(captions=CaptionStyle.CAPTION_STYLE_NONE, name="plain")
    (plain.request.folder / VIDEO).replace(clip.request.folder / VIDEO)
    with pytest.raises(CheckFailedError, match="captions are not seen"):
        clip.check()


def test_a_clip_whose_sound_comes_late_is_refused(written):
    clip = written()
    delay = "adelay=60:all=1,atrim=end=2"
    clip.remade("-i", VIDEO, "-af", delay, "-c:v", "copy", "-c:a", "aac", "-b:a", "160k")
    with pytest.raises(CheckFailedError, match=r"its sound is 0\.0[56]\d s too late"):
        clip.check()


@pytest.mark.parametrize("volume_db", [-1.5, 1.5])
def test_a_clip_that_is_not_as_loud_as_it_was_made_to_be_is_refused(written, volume_db):
    clip = written()
    clip.remade("-i", VIDEO, "-af", f"volume={volume_db}dB", "-c:v", "copy", "-c:a", "aac", "-b:a", "160k")
    with pytest.raises(CheckFailedError, match="its loudness is"):
        clip.check()


VERTICAL = layout_for(ASPECT_9_16, PROFILE_FAST, 1280, 720)
STILL = [Face(n / 5, 0.2, 0.3, 0.3, 0.5, 0.9) for n in range(50)]


def test_a_clip_that_looks_at_the_wall_is_refused(written):
    clip = written()
    (scene,) = scenes_of(VERTICAL, Seen([Shot(0, 10)], [STILL], []), [], LAYOUT_FILL)
    assert share_in_frame(VERTICAL, [scene], [STILL], [Turn(0, 10, 0, 0.9)]) == 1.0
    (glide,) = scene.glides
    wall = replace(scene, glides=(replace(glide, controls=(0.75,)),))
    share = share_in_frame(VERTICAL, [wall], [STILL], [Turn(0, 10, 0, 0.9)])
    assert share == 0.0
    with pytest.raises(CheckFailedError, match="out of the picture for 100%"):
        Written(clip.request, replace(clip.made, faces_in_frame=share)).check()


def test_whom_nobody_asks_for_need_not_be_seen():
    away = [replace(face, x0=0.8, x1=0.9) for face in STILL]
    scenes = scenes_of(VERTICAL, Seen([Shot(0, 10)], [STILL, away], []), [Turn(0, 10, 0, 0.9)], LAYOUT_FILL)
    assert share_in_frame(VERTICAL, scenes, [STILL, away], [Turn(0, 10, 0, 0.9)]) == 1.0
    assert share_in_frame(VERTICAL, scenes, [], []) is None
