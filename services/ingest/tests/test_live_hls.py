"""HLS as servers give it: sound in playlists of its own, fragmented MP4, segments that are encrypted."""

from __future__ import annotations

import shutil
from pathlib import Path

import hls
import numpy as np
import pytest
from live_world import LiveWorld, live_world, recorded

from clipmill.jobs.v1.jobs_pb2 import Job, JobState

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
