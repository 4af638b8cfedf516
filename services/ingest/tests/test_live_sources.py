"""Live sources from end to end: a stream's job grows, ends with it, and goes on where its recorder was lost."""

from __future__ import annotations

import asyncio
import base64
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import av
import media
import pytest
from aiohttp import web
from clipmill_ingest.spent import SpentParts
from harness.rtsp import RtspServer
from imageio_ffmpeg import get_ffmpeg_exe
from live_world import LiveWorld, live_world, recorded
from world import OWNER

from clipmill.jobs.v1.jobs_pb2 import Job, JobState

LENGTH_S = 66.0


@dataclass
class Playlist:
    """An HLS stream that grows by a segment at each look at its playlist, up to `until` segments."""

    segments: list[Path]
    until: int = 0
    shown: int = 1
    ends: bool = True
    first: int = 0
    header: str = ""
    asked: list[str] = field(default_factory=list)

    async def listed(self, _request: web.Request) -> web.Response:
        self.shown = min(self.shown + 2, self.until or len(self.segments))
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{self.first}"]
        lines += [self.header] * bool(self.header)
        for path in self.segments[self.first : self.shown]:
            lines += ["#EXTINF:4.0,", path.name]
        if self.ends and self.shown == len(self.segments):
            lines.append("#EXT-X-ENDLIST")
        return web.Response(text="\n".join(lines), content_type="application/vnd.apple.mpegurl")

    async def segment(self, request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        self.asked.append(name)
        return web.FileResponse(self.segments[0].with_name(name))


@asynccontextmanager
async def served(playlist: Playlist, whole: Path) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/talk.m3u8", playlist.listed)

    async def at_once(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(whole)

    app.router.add_get("/whole", at_once)
    app.router.add_get("/{name}", playlist.segment)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.ts"
    return media.make(path, LENGTH_S, keyframe_every=25)


@pytest.fixture(scope="module")
def segments(talk: Path) -> list[Path]:
    folder = talk.parent / "hls"
    folder.mkdir()
    command = [get_ffmpeg_exe(), "-v", "error", "-i", talk, "-c", "copy", "-f", "hls", "-hls_time", "4"]
    names = ["-hls_list_size", "0", "-hls_segment_filename", folder / "s%03d.ts", folder / "talk.m3u8"]
    subprocess.run([*map(str, command), *map(str, names)], check=True)
    return sorted(folder.glob("*.ts"))


async def test_a_playlist_that_grows_is_a_job_that_grows(tmp_path: Path, talk: Path, segments: list[Path]) -> None:
    playlist = Playlist(segments)
    async with live_world(tmp_path) as live, live.recorder(), served(playlist, talk) as address:
        job = await live.submit(url=f"{address}/talk.m3u8")
        grown = await live.world.until(job.job_id, lambda job: bool(job.live.candidates))
        assert not grown.clip_ids and grown.live.lines[0].text == "said so"
        job = await live.world.ended(job.job_id)
        assert job.state == JobState.JOB_STATE_COMPLETED, job.warnings
        assert job.info.duration_s == pytest.approx(LENGTH_S, abs=0.1)
        assert job.live.ended and job.live.heard_s == pytest.approx(LENGTH_S, abs=0.1)
        assert job.clip_ids == ["c1"] and not job.live.candidates
        assert playlist.asked == [path.name for path in segments]
        # What it was recorded into goes; the whole stays.
        parts = [path for path in (tmp_path / "blobs" / OWNER / "blobs").rglob("*") if path.is_file()]
        await SpentParts(live.world.database, live.world.store, live.world.blobs).sweep_once()
        left = [path for path in (tmp_path / "blobs" / OWNER / "blobs").rglob("*") if path.is_file()]
        assert len(parts) > len(left) == 1 and await live.world.blobs.exists(job.video_source)


async def test_a_video_by_http_is_recorded_as_it_comes(tmp_path: Path, talk: Path, segments: list[Path]) -> None:
    async with live_world(tmp_path) as live, live.recorder(), served(Playlist(segments), talk) as address:
        job = await live.world.ended((await live.submit(url=f"{address}/whole")).job_id)
        assert job.state == JobState.JOB_STATE_COMPLETED, job.error
        assert job.info.duration_s == pytest.approx(LENGTH_S, abs=0.1)


async def test_a_recorder_that_is_lost_is_followed_by_one_that_goes_on(tmp_path: Path, talk: Path) -> None:
    source, content = tmp_path / "talk.ts", talk.read_bytes()
    source.write_bytes(content[: len(content) * 3 // 4])
    # What was recorded counts; how it was lost does not.
    async with live_world(tmp_path, live_idle_s=20) as live:
        async with live.recorder("first"):
            job = await live.submit(path=source)
            await live.world.until(job.job_id, recorded(31))
        # It may have gone on for a while.
        before = await live.world.job(job.job_id)
        source.write_bytes(content)
        async with live.recorder("second"):
            await live.world.until(job.job_id, recorded(before.live.recorded_s + 5))
            await live.world.ledger.end_input(OWNER, job.job_id)
            job = await live.world.ended(job.job_id)
    assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
    assert job.info.duration_s > before.live.recorded_s + 5


async def test_an_input_that_is_ended_gives_clips_of_what_there_is(
    tmp_path: Path, talk: Path, segments: list[Path]
) -> None:
    playlist = Playlist(segments, until=12, ends=False)
    async with live_world(tmp_path, live_idle_s=30) as live, live.recorder(), served(playlist, talk) as address:
        job = await live.submit(url=f"{address}/talk.m3u8")
        await live.world.until(job.job_id, recorded(20))
        await live.world.ledger.end_input(OWNER, job.job_id)
        job = await live.world.ended(job.job_id)
        assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
        assert 20 < job.info.duration_s < LENGTH_S


async def test_a_stream_that_dies_ends_its_job_and_is_said_to_have(
    tmp_path: Path, talk: Path, segments: list[Path]
) -> None:
    playlist = Playlist(segments, until=3, ends=False)
    async with live_world(tmp_path) as live, live.recorder(), served(playlist, talk) as address:
        job = await live.world.ended((await live.submit(url=f"{address}/talk.m3u8")).job_id)
    assert job.state == JobState.JOB_STATE_COMPLETED_WITH_WARNINGS
    assert [warning.code for warning in job.warnings] == ["LIVE_WENT_SILENT"]


@pytest.mark.parametrize(
    ("address", "header", "allowed", "code"),
    [
        ("{http}/talk.m3u8", "", "elsewhere", "INPUT_URL_PRIVATE"),
        ("{http}/talk.m3u8", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="key"', "127.0.0.1", "INPUT_HLS_UNSUPPORTED"),
        ("rtmp://127.0.0.1/live/talk", "", "elsewhere", "INPUT_URL_PRIVATE"),
        ("rtsp://127.0.0.1/talk", "", "elsewhere", "INPUT_URL_PRIVATE"),
    ],
)
async def test_what_may_not_be_had_is_refused(
    tmp_path: Path, talk: Path, segments: list[Path], address: str, header: str, allowed: str, code: str
) -> None:
    hosts = frozenset({allowed})
    playlist = Playlist(segments, header=header)
    async with live_world(tmp_path, url_allowed_hosts=hosts) as live, live.recorder(), served(playlist, talk) as http:
        job = await live.world.ended((await live.submit(url=address.format(http=http))).job_id)
    assert (job.state, job.error.code) == (JobState.JOB_STATE_FAILED, code)


async def test_a_stream_by_rtmp_is_recorded(tmp_path: Path, talk: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"rtmp://127.0.0.1:{port}/live/talk"
    command = [get_ffmpeg_exe(), "-v", "error", "-readrate", "20", "-i", str(talk), "-c", "copy", "-f", "flv"]
    server = await asyncio.create_subprocess_exec(*command, "-listen", "1", address, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with live_world(tmp_path) as live, live.recorder():
            job = await live.world.ended((await live.submit(url=address, max_s=4)).job_id)
    finally:
        with suppress(ProcessLookupError):
            server.kill()
        await server.wait()
    assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
    assert job.info.duration_s == pytest.approx(4, abs=0.1)
    assert job.info.HasField("audio")


@asynccontextmanager
async def published(source: Path, server: RtspServer, rate: int = 20) -> AsyncIterator[None]:
    """A camera: the source by RTSP, so many times as fast as it was recorded."""
    command = [get_ffmpeg_exe(), "-v", "quiet", "-readrate", str(rate), "-i", str(source), "-c", "copy"]
    address = f"rtsp://127.0.0.1:{server.port}/{server.path}"
    camera = await asyncio.create_subprocess_exec(*command, "-f", "rtsp", "-rtsp_transport", "tcp", address)
    try:
        await server.until("RECORD")
        yield
    finally:
        with suppress(ProcessLookupError):
            camera.kill()
        await camera.wait()


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyframe each two seconds, as cameras have it."""
    return media.make(tmp_path_factory.mktemp("filmed") / "talk.mp4", LENGTH_S, keyframe_every=50)


async def brightness(live: LiveWorld, job: Job) -> list[int]:
    """Of each frame of what was recorded; the nth of what was filmed has 16 + 5n % 200."""
    async with live.world.blobs.local(job.video_source) as path:
        with av.open(str(path)) as container:
            return [round(frame.to_ndarray()[0, 0]) for frame in container.decode(video=0)]


async def test_a_stream_by_rtsp_is_recorded_from_its_first_picture(tmp_path: Path, filmed: Path) -> None:
    server = RtspServer("live/talk")
    async with server.running(), published(filmed, server), live_world(tmp_path) as live, live.recorder():
        job = await live.world.ended((await live.submit(url=server.address, max_s=5)).job_id)
        assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
        seen = await brightness(live, job)
    assert job.info.duration_s == pytest.approx(5, abs=0.1) and job.info.HasField("audio")
    assert seen == pytest.approx([16 + 5 * n % 200 for n in range(len(seen))], abs=2)


async def test_a_camera_that_drops_out_is_gone_on_with_from_where_it_is_then(tmp_path: Path, filmed: Path) -> None:
    # 25 of the picture a second, and some of the sound: after about 7 s.
    server = RtspServer("live/talk", breaks_after=220)
    world = live_world(tmp_path, live_idle_s=10)
    async with server.running(), published(filmed, server, rate=8), world as live, live.recorder():
        job = await live.world.ended((await live.submit(url=server.address, max_s=20)).job_id)
        seen = await brightness(live, job)
    assert [warning.code for warning in job.warnings] == ["LIVE_GAP"], (job.error, job.warnings)
    assert job.info.duration_s == pytest.approx(20, abs=0.1)
    wanted = [16 + 5 * n % 200 for n in range(round(LENGTH_S * media.FPS))]
    # Whole groups of pictures before the hole and after it, with nothing else between.
    holes = [n for n in range(1, len(seen)) if (seen[n] - seen[n - 1]) % 200 not in range(3, 8)]
    assert len(holes) <= 1 and seen[:50] == pytest.approx(wanted[:50], abs=2)


@pytest.mark.parametrize(
    ("path", "server", "code", "words"),
    [
        ("live/other", RtspServer("live/talk"), "INPUT_URL_NOT_FOUND", "404"),
        ("live/talk", RtspServer("live/talk", credentials="Basic b3RoZXI6eA=="), "INPUT_URL_NOT_FOUND", "401"),
        ("live/talk", RtspServer("live/talk", is_silent=True), "INPUT_LIVE_SILENT", "within 2 s"),
    ],
)
async def test_a_camera_that_gives_nothing_is_a_clear_failure_in_bounded_time(
    tmp_path: Path, path: str, server: RtspServer, code: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.running(), live_world(tmp_path) as live, live.recorder():
        address = f"rtsp://ada:secret@127.0.0.1:{server.port}/{path}"
        job = await live.world.ended((await live.submit(url=address)).job_id)
    assert (job.state, job.error.code) == (JobState.JOB_STATE_FAILED, code) and words in job.error.message
    assert "secret" not in str(job) + caplog.text


async def test_a_camera_is_told_who_asks(tmp_path: Path, filmed: Path) -> None:
    credentials = "Basic " + base64.b64encode(b"ada:secret").decode()
    server = RtspServer("live/talk", credentials)
    async with server.running(), published(filmed, server), live_world(tmp_path) as live, live.recorder():
        address = server.address.replace("//", "//ada:secret@")
        job = await live.world.ended((await live.submit(url=address, max_s=3)).job_id)
    assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
    assert (job.source.url, job.source.name) == (server.address, "talk")
