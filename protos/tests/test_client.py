"""The client goes on where the server or the way to it broke, and never gives less than it says."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from fake_clipmill import CONTENT, FakeClipmill, clip, ref, words

from clipmill.catalog.v1.catalog_pb2 import DownloadClipRequest
from clipmill.client import Client, ClipmillRpcError
from clipmill.jobs.v1.jobs_pb2 import ASSET_KIND_LOGO, JOB_STATE_COMPLETED, Job

VIDEO = DownloadClipRequest.FILE_VIDEO
EXAMPLE = Path(__file__).parent.parent / "examples" / "submit_and_download.py"


async def test_a_watch_goes_on_after_the_last_event_when_the_server_restarts(client: Client, clipmill: FakeClipmill):
    seen = []
    async for progress in client.watch("j1"):
        seen.append(progress.sequence)
        if progress.sequence == 5:
            await clipmill.stop()
            clipmill.finish("c1")
            await clipmill.start()
    assert seen == [1, 2, 3, 4, 5, 6]
    assert clipmill.watched_after[0] == 0
    assert set(clipmill.watched_after[1:]) == {5}
    assert progress.job.state == JOB_STATE_COMPLETED


async def test_a_watch_begins_after_the_sequence_that_is_asked_for(client: Client, clipmill: FakeClipmill):
    clipmill.finish()
    assert [progress.sequence async for progress in client.watch("j1", after_sequence=4)] == [5, 6]


async def test_a_watch_of_no_job_fails_at_once(client: Client, clipmill: FakeClipmill):
    with pytest.raises(ClipmillRpcError) as error:
        _ = [progress async for progress in client.watch("none")]
    assert error.value.code == "JOB_NOT_FOUND"
    assert clipmill.watched_after == []


async def test_a_watch_gives_up_when_nobody_answers(tmp_path: Path):
    async with Client(f"unix:{tmp_path}/nobody", patience_s=0.3) as client:
        with pytest.raises(ClipmillRpcError, match="cannot be reached at"):
            _ = [progress async for progress in client.watch("j1")]


async def test_an_error_says_what_the_server_said(client: Client):
    with pytest.raises(ClipmillRpcError) as error:
        await client.get_job("none")
    assert (error.value.code, error.value.message, error.value.remedy, error.value.status) == (
        "JOB_NOT_FOUND",
        "There is no such job.",
        "List your jobs.",
        grpc.StatusCode.NOT_FOUND,
    )


async def test_an_error_without_details_says_its_status(client: Client):
    with pytest.raises(ClipmillRpcError, match="no such method") as error:
        await client.get_job("bare")
    assert error.value.code == "UNIMPLEMENTED"


async def test_a_call_that_takes_too_long_ends(clipmill: FakeClipmill):
    async with Client(clipmill.address, deadline_s=0.1) as client:
        with pytest.raises(ClipmillRpcError) as error:
            await client.get_job("slow")
    assert error.value.code == "DEADLINE_EXCEEDED"


async def test_a_full_queue_says_when_to_come_back(client: Client, clipmill: FakeClipmill):
    clipmill.full = 1
    with pytest.raises(ClipmillRpcError) as error:
        await client.submit(url="https://example.org/talk.mp4")
    assert (error.value.code, error.value.retry_after_s, error.value.is_full) == ("QUEUE_FULL", 0.05, True)
    assert clipmill.asked == 1


async def test_room_in_a_full_queue_is_waited_for(client: Client, clipmill: FakeClipmill):
    clipmill.full = 3
    job = await client.submit(url="https://example.org/talk.mp4", room_within_s=30)
    assert (job.job_id, clipmill.asked) == ("j1", 4)


async def test_room_is_waited_for_no_longer_than_was_said(client: Client, clipmill: FakeClipmill):
    clipmill.full, clipmill.full_for_s = 1000, 60
    with pytest.raises(ClipmillRpcError, match="Full"):
        await client.submit(url="https://example.org/talk.mp4", room_within_s=0.1)
    # Once, and once more when the time is over.
    assert clipmill.asked == 2


async def test_a_token_goes_with_each_call(clipmill: FakeClipmill):
    async with Client(clipmill.address, token="t") as client:
        await client.submit(path="/talk.mp4")
    assert clipmill.authorization == "Bearer t"
    async with Client(clipmill.address) as client:
        await client.submit(path="/talk.mp4")
    assert clipmill.authorization is None


async def test_jobs_are_listed_over_all_pages(client: Client):
    assert [job.job_id async for job in client.list_jobs()] == ["j0", "j1", "j2"]


async def test_a_file_that_options_refer_to_is_sent_with_what_it_is_for(
    client: Client, clipmill: FakeClipmill, tmp_path: Path
):
    (tmp_path / "logo.png").write_bytes(CONTENT)
    assert await client.upload_asset(tmp_path / "logo.png", ASSET_KIND_LOGO) == ref(CONTENT)
    header = clipmill.assets[0].header
    assert (header.name, header.kind) == ("logo.png", ASSET_KIND_LOGO)


async def test_an_upload_is_a_header_and_then_the_files_bytes(client: Client, clipmill: FakeClipmill, tmp_path: Path):
    content = CONTENT * 12
    (tmp_path / "talk.mp4").write_bytes(content)
    await client.upload(tmp_path / "talk.mp4", idempotency_key="k")
    first, *rest = clipmill.uploads
    assert (first.header.name, first.header.idempotency_key) == ("talk.mp4", "k")
    assert len(rest) > 1
    assert b"".join(request.content for request in rest) == content


async def test_clips_are_waited_for_until_the_catalog_has_them_rendered(client: Client, clipmill: FakeClipmill):
    clipmill.clips = [
        [],
        [clip("c2", 1)],
        [clip("c2", 1), clip("c1", 2, rendered=False)],
        [clip("c2", 1), clip("c3", 3), clip("c1", 2)],
    ]
    clips = await client.wait_for_clips(Job(job_id="j1", clip_ids=["c1", "c2"]))
    assert [each.scored.head.clip_id for each in clips] == ["c1", "c2"]
    assert all(each.HasField("rendering") for each in clips)


async def test_clips_that_do_not_come_are_an_error(clipmill: FakeClipmill):
    clipmill.clips = [[clip("c1")]]
    async with Client(clipmill.address, patience_s=0.2) as client:
        with pytest.raises(ClipmillRpcError, match="1 of the 2 clips") as error:
            await client.wait_for_clips(Job(job_id="j1", clip_ids=["c1", "c2"]))
    assert error.value.code == "CATALOG_LATE"


async def test_a_transcript_is_waited_for_until_it_is_complete(client: Client, clipmill: FakeClipmill):
    clipmill.transcripts = [words("Hello", complete=False), words("Hello", "there.", complete=True)]
    language, heard = await client.transcript("v1")
    assert (language, [word.text for word in heard]) == ("en", ["Hello", "there."])


async def test_a_transcript_that_stays_incomplete_is_given_as_it_is(clipmill: FakeClipmill):
    clipmill.transcripts = [words("Hello", complete=False)]
    async with Client(clipmill.address, patience_s=0.2) as client:
        assert [word.text for word in (await client.transcript("v1"))[1]] == ["Hello"]


async def test_a_download_that_breaks_goes_on_where_it_broke(client: Client, clipmill: FakeClipmill, tmp_path: Path):
    clipmill.breaks = [55_555, 111_111]
    await client.download(clip("c1"), VIDEO, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT
    assert clipmill.offsets == [0, 55_555, 111_111]
    assert sorted(path.name for path in tmp_path.glob("clip*")) == ["clip.mp4"]


async def test_a_download_goes_on_with_what_an_earlier_process_left(
    client: Client, clipmill: FakeClipmill, tmp_path: Path
):
    (tmp_path / "clip.mp4.part").write_bytes(CONTENT[:1234])
    await client.download(clip("c1"), VIDEO, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT
    assert clipmill.offsets == [1234]


@pytest.mark.parametrize("left", [b"of another file", CONTENT[:-1] + b"!", CONTENT + b"and more"])
async def test_what_is_left_of_another_file_is_not_mixed_in(
    client: Client, clipmill: FakeClipmill, tmp_path: Path, left: bytes
):
    (tmp_path / "clip.mp4.part").write_bytes(left)
    await client.download(clip("c1"), VIDEO, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT


async def test_damaged_bytes_never_become_the_file(client: Client, clipmill: FakeClipmill, tmp_path: Path):
    clipmill.content = CONTENT[:-1] + b"!"
    (tmp_path / "clip.mp4").write_bytes(b"what was there")
    with pytest.raises(ClipmillRpcError) as error:
        await client.download(clip("c1"), VIDEO, tmp_path / "clip.mp4")
    assert error.value.code == "DOWNLOAD_DAMAGED"
    assert (tmp_path / "clip.mp4").read_bytes() == b"what was there"
    assert not (tmp_path / "clip.mp4.part").exists()


async def test_the_example_works(clipmill: FakeClipmill, tmp_path: Path):
    (tmp_path / "talk.mp4").write_bytes(b"film")
    clipmill.finish("c1")
    clipmill.clips = [[clip("c1")]]
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), clipmill.address, str(tmp_path / "talk.mp4"), str(tmp_path / "out")),
        stdout=subprocess.PIPE,
    )
    output, _ = await done.communicate()
    assert done.returncode == 0
    assert output.decode().splitlines()[-1] == "clip-01.mp4 90 Clip c1"
    assert (tmp_path / "out" / "clip-01.mp4").read_bytes() == CONTENT
