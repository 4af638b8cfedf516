"""What a client may ask of the catalog."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest
from catalog_world import VIDEO_BYTES, CatalogWorld, JobEvents

from clipmill.audio.v1.audio_pb2 import Diarization, SoundEvent, SpeakerTurn
from clipmill.catalog.v1 import catalog_pb2 as pb
from clipmill.common.v1.common_pb2 import TimeRange

VIDEO, SUBTITLES, THUMBNAIL = (
    pb.DownloadClipRequest.FILE_VIDEO,
    pb.DownloadClipRequest.FILE_SUBTITLES,
    pb.DownloadClipRequest.FILE_THUMBNAIL,
)


async def test_clips_are_listed_newest_job_first_then_by_rank_page_by_page(world: CatalogWorld):
    for number in (1, 2, 3):
        job = JobEvents(world, job_id=f"j{number}", at=1000.0 + number)
        await world.hear_of(await job.scored("c1", "c2"))
    seen: list[tuple[str, str]] = []
    token = ""
    while True:
        page = await world.stub.ListClips(pb.ListClipsRequest(page_size=2, page_token=token))
        assert len(page.clips) <= 2
        seen += [(clip.job_id, clip.scored.head.clip_id) for clip in page.clips]
        if not (token := page.next_page_token):
            break
    assert seen == [(f"j{number}", clip) for number in (3, 2, 1) for clip in ("c1", "c2")]


async def test_clips_are_listed_of_one_job_or_one_video(world: CatalogWorld):
    await world.hear_of(await JobEvents(world, job_id="j1", video_id="v1").scored())
    await world.hear_of(await JobEvents(world, job_id="j2", video_id="v2").scored())
    assert {clip.job_id for clip in await world.clips(job_id="j2")} == {"j2"}
    assert {clip.video_id for clip in await world.clips(video_id="v1")} == {"v1"}


async def test_a_file_is_downloaded_with_its_reference_from_any_offset(world: CatalogWorld):
    await world.hear_of(*await JobEvents(world).all())
    whole = VIDEO_BYTES + b"c1"
    assert await world.download("c1", VIDEO) == whole
    assert await world.download("c1", VIDEO, offset=len(whole) - 5) == whole[-5:]
    assert await world.download("c1", VIDEO, offset=len(whole)) == b""
    assert await world.download("c2", THUMBNAIL) == b"picture-c2 of v1"


async def test_the_transcript_has_the_words_of_all_parts_in_order(world: CatalogWorld):
    job = JobEvents(world)
    await world.hear_of(await job.ingested(), await job.heard(50, 120, "Good bye."))
    half = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1"))
    assert not half.complete

    await world.hear_of(await job.heard(0, 50, "Hello there."))
    whole = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1"))
    assert whole.complete
    assert whole.language == "en"
    assert [word.text for word in whole.words] == ["Hello", "there.", "Good", "bye."]


async def test_the_transcript_of_a_range_has_the_words_that_touch_it(world: CatalogWorld):
    await world.hear_of(*await JobEvents(world).all())
    span = TimeRange(start_s=10.5, end_s=60)  # "there." ends at 11, "bye." begins at 60: the range is half-open
    response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1", range=span))
    assert [word.text for word in response.words] == ["there.", "Good"]


async def test_words_have_their_speaker_where_voices_were_told_apart(world: CatalogWorld):
    job, later = JobEvents(world), JobEvents(world, job_id="j2", at=2000)
    turns = [SpeakerTurn(speaker=who, range=TimeRange(start_s=a, end_s=b)) for who, a, b in ((1, 0, 9), (2, 9, 52))]
    await world.hear_of(
        await job.ingested(), await job.heard(0, 50, "Hello there."), await job.heard(50, 120, "Good bye.")
    )
    await world.hear_of(await job.scored(diarization=Diarization(turns=turns)))
    for span in (None, TimeRange(start_s=0, end_s=120)):
        response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1", range=span))
        said = [(word.text, word.speaker if word.HasField("speaker") else None) for word in response.words]
        assert said == [("Hello", 1), ("there.", 2), ("Good", 2), ("bye.", None)]

    # What was told last counts.
    await world.hear_of(await later.scored(diarization=Diarization(turns=turns[:1])))
    response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1"))
    assert [word.speaker for word in response.words] == [1, 0, 0, 0]


async def test_music_over_the_edge_of_two_parts_is_one_event(world: CatalogWorld):
    job = JobEvents(world)
    music = [
        SoundEvent(kind=SoundEvent.KIND_MUSIC, range=TimeRange(start_s=a, end_s=b)) for a, b in ((40, 50), (50, 53))
    ]
    await world.hear_of(
        await job.ingested(),
        await job.heard(0, 50, "Hello.", events=music[:1]),
        await job.heard(50, 120, "Bye.", events=music[1:]),
    )
    for span, expected in ((None, [(40, 53)]), (TimeRange(start_s=52, end_s=60), [(40, 53)])):
        response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1", range=span))
        assert [(event.range.start_s, event.range.end_s) for event in response.events] == expected


async def test_words_of_two_jobs_are_never_mixed(world: CatalogWorld):
    await world.hear_of(*await JobEvents(world, job_id="j1").all())
    # Another job split the video elsewhere, and has not heard the end.
    await world.hear_of(await JobEvents(world, job_id="j2", at=2000).heard(0, 70, "Only this."))
    response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1"))
    assert [word.text for word in response.words] == ["Hello", "there.", "Good", "bye."]


async def test_a_range_is_whole_when_what_lies_in_it_was_heard(world: CatalogWorld):
    job = JobEvents(world)
    await world.hear_of(await job.ingested(), await job.heard(50, 120, "Good bye."))
    whole = {}
    for span in ((60, 90), (50, 900), (49, 60), (200, 300)):
        asked = TimeRange(start_s=span[0], end_s=span[1])
        response = await world.stub.GetTranscript(pb.GetTranscriptRequest(video_id="v1", range=asked))
        whole[span] = response.complete
    # Of 50 s to the end all was heard; past the end there is nothing to hear.
    assert whole == {(60, 90): True, (50, 900): True, (49, 60): False, (200, 300): True}


async def test_a_range_has_the_words_of_who_heard_it_and_a_job_its_own(world: CatalogWorld):
    job, later = JobEvents(world, job_id="j1"), JobEvents(world, job_id="j2", at=2000)
    await world.hear_of(
        await job.ingested(), await job.heard(0, 110, "Most of it."), await later.heard(50, 120, "End.")
    )

    async def said(job_id: str = "", *span: float) -> list[str]:
        asked = TimeRange(start_s=span[0], end_s=span[1]) if span else None
        request = pb.GetTranscriptRequest(video_id="v1", range=asked, job_id=job_id)
        return [word.text for word in (await world.stub.GetTranscript(request)).words]

    assert await said() == ["Most", "of", "it."]
    assert await said("", 50, 120) == ["End."]
    assert await said("j2") == ["End."]
    assert await said("j3") == []


CALLS = {
    "GetClip": pb.GetClipRequest(job_id="j1", clip_id="c1"),
    "DownloadClip": pb.DownloadClipRequest(job_id="j1", clip_id="c1", file=VIDEO),
    "GetTranscript": pb.GetTranscriptRequest(video_id="v1"),
    "DeleteVideo": pb.DeleteVideoRequest(video_id="v1"),
}


async def failure(world: CatalogWorld, call: str, request: object, owner: str = "ada") -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        answer = getattr(world.stub, call)(request, metadata=(("owner", owner),))
        if call == "DownloadClip":
            async for _ in answer:
                pass
        else:
            await answer
    return error.value.code()


@pytest.mark.parametrize("call", CALLS)
async def test_what_is_another_owners_is_not_found(world: CatalogWorld, call: str):
    await world.hear_of(*await JobEvents(world, owner_id="ada").all())
    assert await failure(world, call, CALLS[call], owner="eve") is grpc.StatusCode.NOT_FOUND
    assert len(await world.clips()) == 2
    theirs = await world.stub.ListClips(pb.ListClipsRequest(job_id="j1"), metadata=(("owner", "eve"),))
    assert list(theirs.clips) == []


@pytest.mark.parametrize(
    ("call", "request_", "code"),
    [
        ("GetClip", pb.GetClipRequest(job_id="j1", clip_id="none"), grpc.StatusCode.NOT_FOUND),
        ("GetTranscript", pb.GetTranscriptRequest(video_id="none"), grpc.StatusCode.NOT_FOUND),
        ("DeleteVideo", pb.DeleteVideoRequest(video_id="none"), grpc.StatusCode.NOT_FOUND),
        ("ListClips", pb.ListClipsRequest(page_token="%%%"), grpc.StatusCode.INVALID_ARGUMENT),
        ("DownloadClip", pb.DownloadClipRequest(job_id="j1", clip_id="c1"), grpc.StatusCode.INVALID_ARGUMENT),
        (
            "DownloadClip",
            pb.DownloadClipRequest(job_id="j1", clip_id="c1", file=SUBTITLES),
            grpc.StatusCode.NOT_FOUND,
        ),
        (
            "DownloadClip",
            pb.DownloadClipRequest(job_id="j1", clip_id="c1", file=VIDEO, offset=1 << 40),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    world: CatalogWorld, call: str, request_: object, code: grpc.StatusCode
):
    await world.hear_of(*await JobEvents(world).all())
    assert await failure(world, call, request_) is code
