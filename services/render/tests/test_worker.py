"""The stage as the worker runs it: blobs in, blobs out, in a child process that dies when it is cancelled."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from pathlib import Path

import pytest
from clipmill_render import ffmpeg
from clipmill_render.check import CheckFailedError, Expected, check
from clipmill_render.domain.graph import Timing
from clipmill_render.exchange import Request
from clipmill_render.handlers import Rendering

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Word
from clipmill.clips.v1.clips_pb2 import ASPECT_9_16, CAPTION_STYLE_KARAOKE, ClipHead, RenderTask
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange
from clipmill.vision.v1.vision_pb2 import Cast, CastMember, VisionAnalysis
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children, Report
from clipmill_shared.errors import DiskFullError


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.in_folder(tmp_path / "blobs", tmp_path / "scratch", (tmp_path,))


async def task_of(made, blobs: Blobs, end_s: float) -> RenderTask:
    source = await blobs.reference_file(made.path, hashlib.sha256(made.path.read_bytes()).hexdigest(), "video/mp4")
    words = AudioAnalysis(words=[Word(text="Hello", start_s=0.1, end_s=0.5)])
    return RenderTask(
        task=Task(owner_id="me"),
        video_id="v",
        clip=ClipHead(clip_id="c", range=TimeRange(start_s=0, end_s=end_s)),
        source=source,
        info=made.info,
        audio=[await blobs.put_message("me", words)],
        vision=[await blobs.put_message("me", VisionAnalysis())],
        aspect=ASPECT_9_16,
        captions=CAPTION_STYLE_KARAOKE,
        profile=PROFILE_FAST,
    )


async def test_a_task_becomes_a_video_subtitles_and_a_thumbnail(film, blobs: Blobs, tmp_path: Path):
    children = Children("clipmill_render.work:render", 1)
    shares: list[float] = []
    try:
        task = await task_of(film(frames=50).make(tmp_path), blobs, 2.0)
        rendered = await Rendering(blobs, children, 1, 1).render(task, shares.append)
    finally:
        await children.close()
    assert (rendered.video_id, rendered.clip_id, rendered.duration_s) == ("v", "c", 2.0)
    assert (rendered.width, rendered.height) == (202, 360)
    assert abs(rendered.loudness_lufs + 14) < 1
    assert b"Hello" in await blobs.get_bytes(rendered.subtitles)
    assert (await blobs.get_bytes(rendered.thumbnail))[:2] == b"\xff\xd8"
    assert (await blobs.get_bytes(rendered.video))[4:8] == b"ftyp"
    assert {warning.code for warning in rendered.answer.warnings} == {"CENTRE_CROP", "SMALL_SOURCE"}
    assert rendered.answer.models[0].name == "libx264"
    assert rendered.answer.models[0].version == ffmpeg.version()
    assert shares == sorted(shares)
    # Nothing is left behind.
    assert list((tmp_path / "scratch").iterdir()) == []


class Asked(Exception):
    pass


class OnlyAsked(Children):
    """Renders nothing; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__("nowhere:nothing", 1)
        self.casts: list[Cast | None] = []

    async def run(self, request: object, report: Report = lambda _: None) -> object:
        assert isinstance(request, Request)
        self.casts.append(request.cast)
        raise Asked


async def test_who_speaks_of_those_seen_is_handed_on_where_it_was_told(film, blobs: Blobs, tmp_path: Path):
    children, told = OnlyAsked(), Cast(members=[CastMember(person=1)])
    task = await task_of(film(frames=5).make(tmp_path), blobs, 0.2)
    for ref in (None, await blobs.put_message("me", told)):
        task.MergeFrom(RenderTask(cast=ref))
        with pytest.raises(Asked):
            await Rendering(blobs, children, 1, 1).render(task, lambda _: None)
    assert children.casts == [None, told]


async def test_a_cancelled_render_leaves_no_encoder_and_no_file_behind(film, blobs: Blobs, tmp_path: Path):
    children = Children("clipmill_render.work:render", 1)
    task = await task_of(film(width=640, height=360, frames=500, tone_from_s=None).make(tmp_path), blobs, 20.0)
    running = asyncio.create_task(Rendering(blobs, children, 1, 1).render(task, lambda _: None))
    found: set[str] = set()
    try:
        async with asyncio.timeout(30):
            while not found:
                await asyncio.sleep(0.02)
                found = _encoders(tmp_path)
            for pid in found:
                # A stopped encoder cannot end by itself.
                os.kill(int(pid), signal.SIGSTOP)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            while found & _encoders(tmp_path):
                await asyncio.sleep(0.02)
        assert list((tmp_path / "scratch").iterdir()) == []
    finally:
        for pid in found & _encoders(tmp_path):
            os.kill(int(pid), signal.SIGKILL)
        await children.close()


def _encoders(folder: Path) -> set[str]:
    """Processes that have a file of `folder` on their command line and make a clip."""
    found = set()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = command.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in said and b"libx264" in said:
            found.add(command.parent.name)
    return found


def test_a_full_disk_is_named(film, tmp_path: Path):
    made = film(frames=10, tone_from_s=None).make(tmp_path)
    with pytest.raises(DiskFullError):
        ffmpeg.run(["-i", str(made.path), "-f", "matroska", "/dev/full"], tmp_path)


def test_what_ffmpeg_cannot_do_is_an_error_that_says_why(tmp_path: Path):
    with pytest.raises(ffmpeg.FfmpegError, match="No such file"):
        ffmpeg.run(["-i", "nowhere.mp4", "out.mp4"], tmp_path)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.mp4", "concat:a.mp4|b.mp4", "data:video/mp4;base64,AAAA"])
def test_a_source_cannot_lead_elsewhere(tmp_path: Path, address: str):
    with pytest.raises(ffmpeg.FfmpegError, match=r"whitelist|Protocol not found|Invalid"):
        ffmpeg.run([*ffmpeg.INPUT_LIMITS, "-i", address, "out.mp4"], tmp_path)


def test_a_playlist_is_no_source(tmp_path: Path):
    playlist = tmp_path / "a.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    with pytest.raises(ffmpeg.FfmpegError):
        ffmpeg.run([*ffmpeg.INPUT_LIMITS, "-i", str(playlist), "out.mp4"], tmp_path)


@pytest.mark.parametrize(
    ("expected", "wrong"),
    [
        (Expected(320, 180, Timing(25, "25/1", 25.0), sound=True), "its sound is missing"),
        (Expected(320, 180, Timing(50, "25/1", 25.0), sound=False), "it has 25 of 50 frames"),
        (Expected(180, 320, Timing(25, "25/1", 25.0), sound=False), "it is 320 x 180 pixels"),
    ],
)
def test_a_clip_that_is_not_as_it_must_be_is_refused(film, tmp_path: Path, expected: Expected, wrong: str):
    made = film(frames=25, tone_from_s=None).make(tmp_path)
    with pytest.raises(CheckFailedError, match=wrong):
        check(made.path, expected)


def test_a_clip_that_is_cut_short_is_refused(film, tmp_path: Path):
    made = film(frames=25, tone_from_s=None).make(tmp_path)
    made.path.write_bytes(made.path.read_bytes()[:3000])
    with pytest.raises(CheckFailedError, match="cannot be decoded"):
        check(made.path, Expected(320, 180, Timing(25, "25/1", 25.0), sound=False))
