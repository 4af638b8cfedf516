"""HLS as servers give it: sound in playlists of its own, fragmented MP4, segments that are encrypted."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import hls
import numpy as np
import pytest
from aiohttp import web
from clipmill_ingest.live import hls as following
from live_world import LiveWorld, live_world, recorded

from clipmill.jobs.v1.jobs_pb2 import Job, JobState
from clipmill_shared.errors import ClipmillError

MALFORMED = {
    "no length": "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF:inf,\na.ts",
    "too long": "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF:1e14,\na.ts",
    "segment": "#EXTINF:2,\nhttp://[bad/a.ts",
    "key": '#EXT-X-KEY:METHOD=AES-128,URI="http://[bad/a.key"\n#EXTINF:2,\na.ts',
    "map": '#EXT-X-MAP:URI="http://[bad/a.mp4"\n#EXTINF:2,\na.ts',
    "variant": "#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://[bad/a.m3u8",
    "bandwidth": "#EXT-X-STREAM-INF:BANDWIDTH=inf\na.m3u8",
    "sequence": f'#EXT-X-MEDIA-SEQUENCE:{1 << 128}\n#EXT-X-KEY:METHOD=AES-128,URI="a.key"\n#EXTINF:2,\na.ts',
}
LENGTH_S = 40.0


@pytest.fixture(scope="module", params=["mpegts", "fmp4"])
def apart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hls.make(tmp_path_factory.mktemp("hls") / request.param, LENGTH_S, kind=request.param).parent


@pytest.fixture(scope="module")
def transport(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hls.make(tmp_path_factory.mktemp("hls") / "ts", LENGTH_S).parent


async def recording(live: LiveWorld, address: str) -> Job:
    return await live.world.ended((await live.submit(url=f"{address}/master.m3u8")).job_id)


async def flashes_and_claps(live: LiveWorld, job: Job) -> tuple[list[float], list[float]]:
    async with live.world.blobs.local(job.video_source) as path:
        return hls.flashes(path), hls.claps(path)


def assert_all_is_there(flashes: list[float], claps: list[float], length_s: float = LENGTH_S) -> None:
    """Each once, and each clap with its flash."""
    assert len(flashes) == length_s / hls.EVERY_S
    assert np.diff(flashes) == pytest.approx(hls.EVERY_S, abs=0.001)
    assert claps == pytest.approx(flashes[: len(claps)], abs=0.04)


async def test_sound_of_its_own_is_recorded_with_the_picture(tmp_path: Path, apart: Path) -> None:
    async with live_world(tmp_path) as live, live.recorder(), hls.served(hls.Stream(apart)) as address:
        job = await recording(live, address)
        assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
        flashes, claps = await flashes_and_claps(live, job)
    assert_all_is_there(flashes, claps)
    assert len(claps) == len(flashes)
    assert job.live.heard_s == pytest.approx(LENGTH_S, abs=0.1)


async def test_segments_that_are_encrypted_are_opened_with_keys_that_change(tmp_path: Path, apart: Path) -> None:
    folder = Path(shutil.copytree(apart, tmp_path / "hls"))
    hls.encrypt(folder, "seen.m3u8")
    hls.encrypt(folder, "heard.m3u8", keys=2)
    stream = hls.Stream(folder)
    async with live_world(tmp_path) as live, live.recorder(), hls.served(stream) as address:
        job = await recording(live, address)
        assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
        flashes, claps = await flashes_and_claps(live, job)
    assert_all_is_there(flashes, claps)
    assert len(claps) == len(flashes)
    # Each key is asked for once.
    assert sum(name.endswith(".key") for name in stream.asked) == 3 + 2


@pytest.mark.parametrize(
    ("playlist", "lines", "code", "says"),
    [
        ("seen", '#EXT-X-KEY:METHOD=AES-128,URI="gone.key"', "INPUT_HLS_KEY", "/gone.key answers 404 Not Found."),
        ("heard", '#EXT-X-KEY:METHOD=AES-128,URI="gone.key"', "INPUT_HLS_KEY", "/gone.key answers 404 Not Found."),
        ("seen", '#EXT-X-KEY:METHOD=AES-128,URI="seen.m3u8"', "INPUT_HLS_KEY", "/seen.m3u8 is not one of 16 bytes."),
        ("seen", '#EXT-X-KEY:METHOD=AES-128,URI="wrong.key"', "INPUT_HLS_KEY", "cannot be read with its key."),
        ("heard", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://k"', "INPUT_HLS_UNSUPPORTED", "protected (SAMPLE-AES)"),
        ("seen", '#EXT-X-KEY:METHOD=AES-128,URI="http://10.0.0.1/key"', "INPUT_URL_PRIVATE", "10.0.0.1"),
        ("heard", '#EXT-X-MAP:URI="http://10.0.0.1/init.mp4"', "INPUT_URL_PRIVATE", "10.0.0.1"),
    ],
)
async def test_what_cannot_be_opened_is_a_clear_failure(
    tmp_path: Path, transport: Path, playlist: str, lines: str, code: str, says: str
) -> None:
    folder = Path(shutil.copytree(transport, tmp_path / "hls"))
    (folder / "wrong.key").write_bytes(b"never mind this!")
    path = folder / f"{playlist}.m3u8"
    path.write_text(path.read_text().replace("#EXTINF", f"{lines}\n#EXTINF", 1))
    async with live_world(tmp_path) as live, live.recorder(), hls.served(hls.Stream(folder)) as address:
        job = await recording(live, address)
    assert (job.state, job.error.code) == (JobState.JOB_STATE_FAILED, code), job.error
    assert says in job.error.message


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_playlist_is_a_clear_failure(name: str) -> None:
    with pytest.raises(ClipmillError, match="its playlist is malformed") as refused:
        following.parsed(f"#EXTM3U\n{MALFORMED[name]}".encode(), "http://a.example/a.m3u8", "a")
    assert refused.value.code == "INPUT_HLS_UNSUPPORTED"


@pytest.mark.parametrize("line", ["", "a.ts", '#EXT-X-KEY:METHOD=AES-128,URI="a.key"'])
def test_a_playlist_that_is_too_long_is_refused(line: str) -> None:
    lines = following.MAX_KEYS if line.startswith("#") else following.MAX_LINES
    with pytest.raises(ClipmillError, match="more than 200000 lines or 5000 keys") as refused:
        following.parsed(b"#EXTM3U\n" + f"{line}\n".encode() * (lines + 1), "http://a.example/a.m3u8", "a")
    assert refused.value.code == "INPUT_HLS_UNSUPPORTED"


async def test_a_playlist_that_is_malformed_for_a_moment_is_looked_at_again(tmp_path: Path, transport: Path) -> None:
    given = [web.Response(text=f"#EXTM3U\n{text}") for text in MALFORMED.values()]
    given.append(web.Response(status=302, headers={"Location": "http://[bad/a.m3u8"}))
    given.append(web.Response(status=302, headers={"Location": "http://10.0.0.1/a.m3u8"}))
    stream = hls.Stream(transport, instead={("seen.m3u8", look): each for look, each in enumerate(given, 3)})
    async with live_world(tmp_path, live_idle_s=10) as live, live.recorder(), hls.served(stream) as address:
        job = await recording(live, address)
        assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
        flashes, claps = await flashes_and_claps(live, job)
    assert stream.looks["seen.m3u8"] >= 3 + len(given)
    assert not job.warnings
    assert_all_is_there(flashes, claps)


async def test_a_playlist_is_read_once_for_what_it_says_and_apart_from_all_else(
    tmp_path: Path, transport: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def parsed(content: bytes, url: str, name: str) -> object:
        read.append((content, threading.current_thread()))
        return parse(content, url, name)

    parse = following.parsed
    monkeypatch.setattr(following, "parsed", parsed)
    stream = hls.Stream(transport, stops={"seen.m3u8": 4, "heard.m3u8": 4})
    async with live_world(tmp_path) as live, live.recorder(), hls.served(stream) as address:
        job = await recording(live, address)
    assert [warning.code for warning in job.warnings] == ["LIVE_WENT_SILENT"]
    # The master, and each playlist with two segments and with four.
    assert len(read) == len({content for content, _ in read}) == 1 + 2 * 2
    assert sum(stream.looks.values()) > len(read)
    assert threading.main_thread() not in {thread for _, thread in read}


async def test_segments_that_cannot_be_read_are_left_out(tmp_path: Path, transport: Path) -> None:
    folder = Path(shutil.copytree(transport, tmp_path / "hls"))
    hls.encrypt(folder, "seen.m3u8")
    broken_off, other_key, undivided, private = (f"seen{number:03}.ts" for number in (4, 7, 10, 15))
    (folder / broken_off).write_bytes((folder / broken_off).read_bytes()[:-9])
    (folder / other_key).write_bytes((folder / other_key).read_bytes()[::-1])
    path = folder / "seen.m3u8"
    text = path.read_text().replace(undivided, f"#EXT-X-BYTERANGE:1000@0\n{undivided}")
    path.write_text(text.replace(private, f"http://10.0.0.1/{private}"))
    stream = hls.Stream(folder, undivided={undivided})
    async with live_world(tmp_path) as live, live.recorder(), hls.served(stream) as address:
        job = await recording(live, address)
        flashes, _ = await flashes_and_claps(live, job)
    assert [warning.code for warning in job.warnings] == ["LIVE_GAP"], job.error
    # One in each segment, at its beginning.
    left_out = {2.0 * number for number in (4, 7, 10, 15)}
    begin_s = flashes[0]
    assert flashes == pytest.approx(
        [begin_s + 2 * number for number in range(20) if 2 * number not in left_out], abs=0.05
    )


async def test_a_key_that_fits_nothing_is_told_though_a_header_needs_none(tmp_path: Path, apart: Path) -> None:
    folder = Path(shutil.copytree(apart, tmp_path / "hls"))
    hls.encrypt(folder, "seen.m3u8", keys=1)
    (folder / "seen.m3u8-0.key").write_bytes(b"never mind this!")
    async with live_world(tmp_path) as live, live.recorder(), hls.served(hls.Stream(folder)) as address:
        job = await recording(live, address)
    assert (job.state, job.error.code) == (JobState.JOB_STATE_FAILED, "INPUT_HLS_KEY"), job.error


async def test_a_sound_of_its_own_that_is_elsewhere_reaches_no_private_address(tmp_path: Path, transport: Path) -> None:
    folder = Path(shutil.copytree(transport, tmp_path / "hls"))
    master = folder / "master.m3u8"
    master.write_text(master.read_text().replace("heard.m3u8", "http://10.0.0.1/heard.m3u8"))
    async with live_world(tmp_path) as live, live.recorder(), hls.served(hls.Stream(folder)) as address:
        job = await recording(live, address)
    assert (job.state, job.error.code) == (JobState.JOB_STATE_FAILED, "INPUT_URL_PRIVATE")


async def test_a_sound_that_comes_late_is_waited_for(tmp_path: Path, transport: Path) -> None:
    stream = hls.Stream(transport, late={"heard.m3u8": 3})
    async with live_world(tmp_path) as live, live.recorder(), hls.served(stream) as address:
        job = await recording(live, address)
        assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
        flashes, claps = await flashes_and_claps(live, job)
    assert_all_is_there(flashes, claps)
    assert len(claps) == len(flashes)


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_sound_that_ends_earlier_leaves_the_picture(tmp_path: Path, transport: Path, says_so: bool) -> None:
    folder = Path(shutil.copytree(transport, tmp_path / "hls"))
    heard = folder / "heard.m3u8"
    lines = heard.read_text().splitlines()
    kept = lines[: lines.index("heard010.ts")] if "heard010.ts" in lines else lines
    heard.write_text("\n".join([*kept[:-1], "#EXT-X-ENDLIST" * says_so]))
    async with live_world(tmp_path) as live, live.recorder(), hls.served(hls.Stream(folder)) as address:
        job = await recording(live, address)
        flashes, claps = await flashes_and_claps(live, job)
    assert [warning.code for warning in job.warnings] == ["LIVE_WENT_SILENT"] * (not says_so), job.error
    assert_all_is_there(flashes, claps)
    assert len(claps) == 10 and job.live.heard_s == pytest.approx(LENGTH_S, abs=0.1)


async def test_a_recorder_that_is_lost_is_followed_by_one_that_misses_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = hls.make(tmp_path_factory.mktemp("long") / "ts", 70.0).parent
    stream = hls.Stream(folder, stops={"seen.m3u8": 25, "heard.m3u8": 24})
    async with live_world(tmp_path, live_idle_s=20) as live:
        async with hls.served(stream) as address:
            async with live.recorder("first"):
                job = await live.submit(url=f"{address}/master.m3u8")
                await live.world.until(job.job_id, recorded(31))
            stream.stops.clear()
            async with live.recorder("second"):
                job = await live.world.ended(job.job_id)
        assert job.state == JobState.JOB_STATE_COMPLETED, (job.error, job.warnings)
        flashes, claps = await flashes_and_claps(live, job)
    assert_all_is_there(flashes, claps, 70.0)
    assert len(claps) == len(flashes)
