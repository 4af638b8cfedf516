"""The service as others meet it: through gRPC, with its own import worker and its child process."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from clipmill_ingest.service import build
from clipmill_ingest.settings import IngestSettings
from media import make
from world import WORK, World, nothing_blocks

from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.jobs.v1 import jobs_pb2 as pb
from clipmill.jobs.v1.jobs_pb2_grpc import IngestServiceStub
from clipmill.media.v1.media_pb2 import Source
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running


@asynccontextmanager
async def serve(world: World, *stages: str) -> AsyncIterator[Any]:
    """The built service on a socket, with fake workers for `stages`; gives a stub."""
    platform = Platform(
        bus=world.bus,
        blobs=world.blobs,
        sql_url=f"sqlite+aiosqlite:///{world.folder}/{{service}}.db",
        scratch=world.folder / "scratch",
        instance="test",
    )
    services = [build(world.settings, platform), *(world.worker(stage) for stage in stages)]
    async with (
        running(services, world.bus),
        serving(services, f"unix:{world.folder}/s") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        with nothing_blocks():
            yield IngestServiceStub(channel)
    await world.bus.close()


OTHERS = [stage for stage in WORK if stage != "import"]


def submission(path: Path, key: str = "", **options: Any) -> pb.SubmitVideoRequest:
    return pb.SubmitVideoRequest(idempotency_key=key, source=Source(path=str(path)), options=ClipOptions(**options))


async def watched(stub: Any, job_id: str, after: int = 0) -> list[pb.JobProgress]:
    request = pb.WatchJobRequest(job_id=job_id, after_sequence=after)
    return [response.progress async for response in stub.WatchJob(request)]


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make(tmp_path / "talk.mp4")


async def test_a_file_is_submitted_watched_and_completes(world: World, video: Path) -> None:
    async with serve(world, *OTHERS) as stub:
        job = (await stub.SubmitVideo(submission(video, clips=2))).job
        assert job.state == pb.JOB_STATE_QUEUED
        assert (job.source.name, job.options.max_s, job.options.language) == ("talk.mp4", 60, "auto")
        events = await watched(stub, job.job_id)
        final = events[-1].job
        assert final.state == pb.JOB_STATE_COMPLETED
        assert final.info.video.width == 64
        assert final.video_source.uri == f"file:{video}"
        assert final.video_source.sha256 == hashlib.sha256(video.read_bytes()).hexdigest()
        assert events[-1].sequence - events[0].sequence == len(events) - 1
        # A watcher that comes back goes on where it was; one that has seen the end gets nothing more.
        assert await watched(stub, job.job_id, events[-3].sequence) == events[-2:]
        assert await watched(stub, job.job_id, events[-1].sequence) == []
        assert await watched(stub, job.job_id) == events[-1:]
        assert await watched(stub, job.job_id, 10_000) == events[-1:]
        assert (await stub.GetJob(pb.GetJobRequest(job_id=job.job_id))).job == final
        # The same bytes under another name: nothing is done twice, and the name is the new one.
        other = video.with_name("other.mp4")
        other.write_bytes(video.read_bytes())
        again = (await watched(stub, (await stub.SubmitVideo(submission(other, clips=2))).job.job_id))[-1].job
    assert again.cached
    assert again.video_id == final.video_id
    assert again.video_source.uri == f"file:{other}"
    assert not list((world.folder / "scratch").iterdir())


async def test_a_platform_s_rules_are_pinned_in_the_job_and_an_unknown_one_is_refused(
    world: World, video: Path
) -> None:
    async with serve(world) as stub:
        pinned = (await stub.SubmitVideo(submission(video, platform="podcast", max_s=90))).job.options
        code, details = await refused(stub.SubmitVideo(submission(video, platform="vine")))
        too_long = await refused(stub.SubmitVideo(submission(video, platform="reels", max_s=200)))
    assert (pinned.platform, pinned.min_s, pinned.max_s, pinned.loudness_lufs) == ("podcast", 30, 90, -16)
    assert (code, too_long[0]) == (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INVALID_ARGUMENT)
    assert "vine" in details and "reels takes clips of 3 to 180 s" in too_long[1]


async def test_a_transcript_is_kept_with_the_job_and_only_an_own_one_may_be_named(world: World, video: Path) -> None:
    (text := video.with_name("talk.srt")).write_text("Hello.")
    sent, named, others = submission(video, "sent"), submission(video, "named"), submission(video, "others")
    sent.transcript = b"Hello."
    named.options.transcript.uri = f"file:{text}"
    others.options.transcript.uri = "blob:eve/blobs/00/" + "0" * 64
    others.options.transcript.sha256 = "0" * 64
    too_long = submission(video, "long")
    too_long.transcript = b"a" * (2 << 20) + b"b"
    async with serve(world) as stub:
        first = (await stub.SubmitVideo(sent)).job.options.transcript
        assert (await stub.SubmitVideo(named)).job.options.transcript == first
        assert (await refused(stub.SubmitVideo(others)))[0] == grpc.StatusCode.INVALID_ARGUMENT
        assert "2.1 MB" in (await refused(stub.SubmitVideo(too_long)))[1]
    assert await world.blobs.get_bytes(first) == b"Hello."


async def test_an_upload_becomes_a_job(world: World, video: Path) -> None:
    content = video.read_bytes()
    digest = hashlib.sha256(content).hexdigest()

    async def upload(sha256: str = digest, header: bool = True) -> AsyncIterator[pb.UploadVideoRequest]:
        if header:
            yield pb.UploadVideoRequest(header=pb.UploadHeader(name="talk.mp4", sha256=sha256))
        for at in range(0, len(content), 1000):
            yield pb.UploadVideoRequest(content=content[at : at + 1000])

    async with serve(world, *OTHERS) as stub:
        job = (await stub.UploadVideo(upload())).job
        final = (await watched(stub, job.job_id))[-1].job
        assert final.state == pb.JOB_STATE_COMPLETED
        assert final.video_source.sha256 == digest
        for bad in (upload(sha256="0" * 64), upload(header=False)):
            assert (await refused(stub.UploadVideo(bad)))[0] == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_bad_file_fails_its_job_with_code_and_remedy(world: World, tmp_path: Path) -> None:
    bad = tmp_path / "text.mp4"
    bad.write_text("no video " * 100)
    async with serve(world) as stub:
        job = (await stub.SubmitVideo(submission(bad))).job
        final = (await watched(stub, job.job_id))[-1].job
    assert final.state == pb.JOB_STATE_FAILED
    assert (final.error.code, final.error.part) == ("INPUT_NOT_VIDEO", "import")
    assert str(bad) in final.error.message
    assert not list((world.folder / "scratch").iterdir())


async def test_what_cannot_be_accepted_is_refused_at_once(world: World, tmp_path: Path, video: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "link.mp4").symlink_to("/etc/passwd")
    requests = [
        (submission(tmp_path / "missing.mp4"), "missing.mp4"),
        (submission(tmp_path), "folder"),
        (submission(tmp_path / "empty.mp4"), "empty"),
        (submission(Path("/etc/passwd")), "import root"),
        (submission(tmp_path / "x" / ".." / ".." / ".." / "etc"), "import root"),
        (submission(tmp_path / "link.mp4"), "import root"),
        (submission(video, min_s=30, max_s=20), "30 s at least"),
        (submission(video, min_s=float("nan")), "nan"),
        (submission(video, clips=51), "51 clips"),
        (submission(video, language="English"), "English"),
        (submission(video, aspect=77), "aspect"),
        (submission(video, key="k" * 201), "key"),
        (pb.SubmitVideoRequest(), "names no video"),
        (pb.SubmitVideoRequest(source=Source(url="file:///etc/passwd")), "web address"),
        (pb.SubmitVideoRequest(source=Source(url="x" * 3000)), "web address"),
    ]
    another_s = Source()
    another_s.upload.uri, another_s.upload.sha256 = "blob:eve/blobs/ab/abcd", "abcd"
    requests.append((pb.SubmitVideoRequest(source=another_s), "names no video"))
    async with serve(world) as stub:
        for request, words in requests:
            code, details = await refused(stub.SubmitVideo(request))
            assert code == grpc.StatusCode.INVALID_ARGUMENT
            assert words in details
        assert (await stub.ListJobs(pb.ListJobsRequest())).jobs == []


async def test_jobs_are_listed_newest_first_in_pages(world: World, video: Path) -> None:
    async with serve(world) as stub:
        made = [(await stub.SubmitVideo(submission(video, key=str(n)))).job.job_id for n in range(5)]
        await stub.CancelJob(pb.CancelJobRequest(job_id=made[0]))
        listed, token = [], ""
        while True:
            page = await stub.ListJobs(pb.ListJobsRequest(page_size=2, page_token=token))
            listed += [job.job_id for job in page.jobs]
            if not (token := page.next_page_token):
                break
        assert listed == made[::-1]
        cancelled = await stub.ListJobs(pb.ListJobsRequest(states=[pb.JOB_STATE_CANCELLED]))
        assert [job.job_id for job in cancelled.jobs] == made[:1]
        assert (await refused(stub.ListJobs(pb.ListJobsRequest(page_token="?"))))[0].name == "INVALID_ARGUMENT"


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    async with serve(world) as stub:
        for call in (
            stub.GetJob(pb.GetJobRequest(job_id="x")),
            stub.CancelJob(pb.CancelJobRequest(job_id="x")),
            stub.WatchJob(pb.WatchJobRequest(job_id="x")).read(),
        ):
            assert (await refused(call))[0] == grpc.StatusCode.NOT_FOUND


async def test_a_watcher_hears_of_a_cancel(world: World, video: Path) -> None:
    async with serve(world, "vision") as stub:
        job = (await stub.SubmitVideo(submission(video))).job
        watching = asyncio.create_task(watched(stub, job.job_id))
        await stub.CancelJob(pb.CancelJobRequest(job_id=job.job_id))
        events = await asyncio.wait_for(watching, 20)
    assert events[-1].job.state == pb.JOB_STATE_CANCELLED


async def test_a_full_queue_is_resource_exhausted(tmp_path: Path, video: Path) -> None:
    world = World(tmp_path, IngestSettings(max_open_jobs=1))
    async with serve(world) as stub:
        await stub.SubmitVideo(submission(video))
        code, details = await refused(stub.SubmitVideo(submission(video)))
        uploading = stub.UploadVideo()
        await uploading.write(pb.UploadVideoRequest(header=pb.UploadHeader(name="talk.mp4")))
        # Before any byte of it, and while more could come.
        assert (await refused(uploading))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "open" in details


async def test_an_owner_who_submits_too_often_is_told_when_to_come_back(tmp_path: Path, video: Path) -> None:
    world = World(tmp_path, IngestSettings(submits_per_minute=2))
    async with serve(world) as stub:
        for key in ("a", "b"):
            await stub.SubmitVideo(submission(video, key=key))
        code, details = await refused(stub.SubmitVideo(submission(video, key="c")))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "More than 2 submissions in 60 s" in details
