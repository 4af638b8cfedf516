"""Deleting a video leaves nothing of it, and nothing else is touched."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from catalog_world import CatalogWorld, JobEvents
from structlog.testing import capture_logs

from clipmill.audio.v1.audio_pb2 import Diarization, SpeakerTurn
from clipmill.catalog.v1 import catalog_pb2 as pb
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.media.v1.media_pb2 import MediaIngested, Recording
from clipmill.vision.v1.vision_pb2 import Description
from clipmill.work.v1.work_pb2 import Answer
from clipmill_shared import recordings
from clipmill_shared.blobs import Blobs
from clipmill_shared.events import Event


async def delete(world: CatalogWorld, video_id: str = "v1") -> pb.DeleteVideoResponse:
    response: pb.DeleteVideoResponse = await world.stub.DeleteVideo(pb.DeleteVideoRequest(video_id=video_id))
    return response


async def test_rows_blobs_and_cached_results_go_and_are_counted(world: CatalogWorld):
    await world.hear_of(*await JobEvents(world).all())
    size = sum(path.stat().st_size for path in (world.folder / "blobs" / "ada" / "blobs").rglob("*") if path.is_file())

    response = await delete(world)

    assert (response.clips_deleted, response.bytes_deleted) == (2, size)
    assert world.stored() == []
    assert await world.clips() == []
    deleted = pb.CatalogChange.KIND_VIDEO_DELETED
    await world.until(lambda: any(event.message.kind == deleted for event in world.bus.events))


async def test_what_processes_have_at_hand_of_its_results_goes_too(world: CatalogWorld):
    """Redis' tier stands for an hour otherwise, with the clips' titles."""
    job = JobEvents(world)
    seen, other = await job.seen(), await JobEvents(world, job_id="j2", video_id="v2").seen()
    await world.hear_of(await job.ingested(), seen)
    for event in (seen, other):
        await world.results.keep("ada", event.message.answer.record, event.message.answer, in_store=False)

    await delete(world)

    async def at_hand(event: Event[Any]) -> object:
        return await world.results.read("ada", event.message.answer.record, Answer, "vision", in_store=False)

    assert await at_hand(seen) is None
    assert await at_hand(other) is not None


def doomed(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "catalog.db")) as on:
        return {name for (name,) in on.execute("SELECT name FROM made WHERE is_doomed")}


async def test_what_redis_may_still_have_is_erased_when_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("clipmill_catalog.erasure.BATCH", 2)
    async with CatalogWorld.running(tmp_path, redis_url="redis://127.0.0.1:1/0") as world:
        events = await JobEvents(world).all()
        await world.hear_of(*events)
        await delete(world)
        assert world.stored() == []
        left = doomed(tmp_path)
        assert left >= {f"record:{event.message.answer.record}" for event in events}
        assert all(name.startswith("record:") for name in left)

    async with CatalogWorld.running(tmp_path) as world:
        await world.until(lambda: not doomed(tmp_path))


async def test_no_later_video_is_like_an_erased_one(world: CatalogWorld):
    job = JobEvents(world)
    known = Recording(ingested=MediaIngested(video_id="v1"))
    await world.blobs.write_record(job.owner_id, recordings.key_of("v1"), known)
    await world.hear_of(await job.ingested())

    await delete(world)

    assert world.stored() == []


async def test_a_recording_that_a_late_correction_wrote_back_goes_again(world: CatalogWorld):
    """A part with a transcript was being heard: it had read the record before the deletion, and wrote it after."""
    job = JobEvents(world)
    await world.hear_of(await job.ingested())
    await delete(world)
    known = Recording(ingested=MediaIngested(video_id="v1"), corrected=True)
    await world.blobs.write_record(job.owner_id, recordings.key_of("v1"), known)

    await world.hear_of(await job.heard(0, 50, "Hello there."))

    assert world.stored() == []


async def test_who_spoke_when_is_forgotten_too(world: CatalogWorld):
    turns = [SpeakerTurn(speaker=1, range=TimeRange(start_s=0, end_s=120))]
    job, again = JobEvents(world), JobEvents(world, job_id="j2", at=2000)
    await world.hear_of(await job.ingested(), await job.scored(diarization=Diarization(turns=turns)))

    await delete(world)

    assert world.stored() == []
    await world.hear_of(await again.ingested(), await again.heard(0, 50, "Hello there."))
    response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1"))
    assert [word.HasField("speaker") for word in response.words] == [False, False]


async def test_other_videos_and_other_owners_keep_theirs(world: CatalogWorld):
    await world.hear_of(*await JobEvents(world, job_id="j2", video_id="v2").all())
    await world.hear_of(*await JobEvents(world, job_id="j3", owner_id="eve").all())
    kept = world.stored()
    # The same clips' bytes: v1 shares its renderings with v2.
    await world.hear_of(*await JobEvents(world).all())

    assert (await delete(world)).clips_deleted == 2

    assert world.stored() == kept
    assert len(await world.clips()) == 2


async def test_a_source_that_is_read_in_place_is_the_users_and_stays(world: CatalogWorld):
    source = world.folder / "videos" / "talk.mp4"
    source.parent.mkdir()
    source.write_bytes(b"film")
    ref = await world.blobs.reference_file(source, hashlib.sha256(b"film").hexdigest(), "video/mp4")
    await world.hear_of(await JobEvents(world).ingested(ref))
    speech = len(b"speech of v1")

    assert (await delete(world)).bytes_deleted == speech
    assert source.read_bytes() == b"film"


async def test_what_comes_late_is_erased_as_well(world: CatalogWorld):
    job = JobEvents(world)
    *most, _ = await job.all()
    await world.hear_of(*most)
    await delete(world)

    # The last result of the job, the results that are delivered again, and their blobs, made meanwhile.
    await world.hear_of(*await job.all())

    assert world.stored() == []
    assert await world.clips() == []


async def test_a_video_that_is_brought_in_again_is_kept(world: CatalogWorld):
    await world.hear_of(*await JobEvents(world).all())
    await delete(world)
    again = JobEvents(world, job_id="j2", at=2000)
    await world.hear_of(*await again.all())
    kept = world.stored()

    # A late result of the first job names what the second one has made anew.
    await world.hear_of(await JobEvents(world).rendered("c1"))

    assert world.stored() == kept
    assert {clip.job_id for clip in await world.clips()} == {"j2"}


async def test_what_a_crash_left_is_erased_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def crash(*_: object) -> None:
        raise ConnectionError("the store is away")

    async with CatalogWorld.running(tmp_path) as world:
        await world.hear_of(*await JobEvents(world).all())
        with monkeypatch.context() as patched, capture_logs():
            patched.setattr(Blobs, "delete", crash)
            with pytest.raises(Exception, match="does not know"):
                await delete(world)
        assert await world.clips() == []
        assert world.stored() != []

    async with CatalogWorld.running(tmp_path) as world:
        await world.until(lambda: not world.stored())


async def test_what_comes_while_a_video_is_being_deleted_is_erased_too(world: CatalogWorld):
    for n in range(8):
        job = JobEvents(world, job_id=f"j{n}", video_id=f"v{n}")
        await world.hear_of(await job.ingested())
        late = [await job.scored("c1"), await job.rendered("c1"), await job.heard(0, 50, "Hello.")]
        deletion = world.stub.DeleteVideo(pb.DeleteVideoRequest(video_id=job.video_id))
        await asyncio.gather(deletion, *(world.hear_of(event) for event in late))
    assert await world.clips() == []
    await world.until(lambda: not world.stored())


async def test_what_was_said_of_a_picture_goes_with_the_last_video_that_shows_it(world: CatalogWorld):
    for number in (1, 2):
        job = JobEvents(world, job_id=f"j{number}", video_id=f"v{number}")
        event = await job.seen()
        event.message.descriptions.append("of-a-picture")
        await world.hear_of(await job.ingested(), event)
    await world.blobs.write_record("ada", "of-a-picture", Description(text="A dog."))

    await delete(world, "v1")
    assert await world.blobs.read_record("ada", "of-a-picture", Description) is not None

    await delete(world, "v2")
    assert await world.blobs.read_record("ada", "of-a-picture", Description) is None
