"""CatalogService: gRPC in, rows and blobs out. Another owner's things are not found."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from typing import Any

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization, SoundEvent
from clipmill.catalog.v1 import catalog_pb2 as pb
from clipmill.catalog.v1.catalog_pb2_grpc import CatalogServiceServicer
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.sound_events import joined
from clipmill_catalog import store
from clipmill_catalog.domain.transcript import covers, fullest, touches, touching, with_edges, with_speakers, words_in
from clipmill_catalog.erasure import Erasure, doom, serial_for_video
from clipmill_catalog.store import ClipsOf, Place
from clipmill_shared.blobs import Blobs
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, event_id
from clipmill_shared.outbox import Outbox
from clipmill_shared.rpc.auth import owner_of
from clipmill_shared.sql import Database

DEFAULT_PAGE = 100
MAX_PAGE = 1000
FILE = pb.DownloadClipRequest.File


class CatalogServicer(CatalogServiceServicer):
    def __init__(self, database: Database, outbox: Outbox, blobs: Blobs, erasure: Erasure) -> None:
        self._database = database
        self._outbox = outbox
        self._blobs = blobs
        self._erasure = erasure

    async def ListClips(self, request: pb.ListClipsRequest, context: Any) -> pb.ListClipsResponse:  # noqa: N802
        size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        after = _place(request.page_token)
        of = ClipsOf(owner_of(context), request.job_id, request.video_id)
        async with self._database.reading() as on:
            rows = await store.page_of_clips(on, of, after, size)
        token = _token(rows[-1][0]) if len(rows) == size else ""
        return pb.ListClipsResponse(clips=[clip for _, clip in rows], next_page_token=token)

    async def GetClip(self, request: pb.GetClipRequest, context: Any) -> pb.GetClipResponse:  # noqa: N802
        return pb.GetClipResponse(clip=await self._clip(owner_of(context), request.job_id, request.clip_id))

    async def DownloadClip(  # noqa: N802
        self, request: pb.DownloadClipRequest, context: Any
    ) -> AsyncIterator[pb.DownloadClipResponse]:
        clip = await self._clip(owner_of(context), request.job_id, request.clip_id)
        ref = _beside(clip, request.suffix) if request.suffix else _file(clip, request.file)
        if request.offset > ref.size_bytes:
            raise ClipmillError(
                "INVALID_OFFSET", f"The file has {ref.size_bytes} bytes, fewer than are to be skipped.", "Begin anew."
            )
        yield pb.DownloadClipResponse(header=ref)
        async for content in self._blobs.stream(ref, request.offset):
            yield pb.DownloadClipResponse(content=content)

    async def GetTranscript(  # noqa: N802
        self, request: pb.GetTranscriptRequest, context: Any
    ) -> pb.GetTranscriptResponse:
        owner_id = owner_of(context)
        async with self._database.reading() as on:
            kept = await store.find_video(on, owner_id, request.video_id)
            if kept is None:
                raise _no_video(request.video_id)
            heard = await store.parts_of(on, owner_id, request.video_id)
            told = await store.find_diarization(on, owner_id, request.video_id)
        span = request.range if request.HasField("range") else None
        parts = fullest((each for each in heard if request.job_id in ("", each.job_id)), span)
        turns = (await self._blobs.get_message(told, Diarization)).turns if told else ()
        response = pb.GetTranscriptResponse(complete=covers(parts, kept.audio_s, span))
        events: list[SoundEvent] = []
        for part in touching(parts, with_edges(span)):
            analysis = await self._blobs.get_message(part.analysis, AudioAnalysis)
            response.language = response.language or analysis.language
            response.words.extend(with_speakers(words_in(analysis.words, span), turns))
            events += analysis.events
        response.events.extend(event for event in joined(events) if touches(event.range, span))
        return response

    async def DeleteVideo(self, request: pb.DeleteVideoRequest, context: Any) -> pb.DeleteVideoResponse:  # noqa: N802
        owner_id = owner_of(context)
        change = pb.CatalogChange(
            owner_id=owner_id, video_id=request.video_id, kind=pb.CatalogChange.KIND_VIDEO_DELETED
        )
        # The time is part of its meaning: the same video may be brought in and deleted again.
        name = event_id(owner_id, request.video_id, "deleted", time.time_ns())
        async with self._database.transaction() as on:
            await serial_for_video(on, owner_id, request.video_id)
            if await store.find_video(on, owner_id, request.video_id) is None:
                raise _no_video(request.video_id)
            erased = await doom(on, owner_id, request.video_id, time.time())
            await self._outbox.add(on, Event(topics.CATALOG_CHANGES, change, name, owner_id, "/catalog"))
        await self._erasure.sweep()
        return pb.DeleteVideoResponse(clips_deleted=erased.clips, bytes_deleted=erased.size_bytes)

    async def _clip(self, owner_id: str, job_id: str, clip_id: str) -> pb.Clip:
        async with self._database.reading() as on:
            clip = await store.find_clip(on, owner_id, job_id, clip_id)
        if clip is None:
            raise ClipmillError(
                "CLIP_NOT_FOUND", f"There is no clip {clip_id[:100]} of job {job_id[:100]}.", "ListClips names them."
            )
        return clip


def _file(clip: pb.Clip, file: FILE.ValueType) -> BlobRef:
    made = clip.rendering
    files = {FILE.FILE_VIDEO: made.video, FILE.FILE_SUBTITLES: made.subtitles, FILE.FILE_THUMBNAIL: made.thumbnail}
    if file not in files:
        raise ClipmillError("INVALID_FILE", "No file of the clip was named.", "Ask for video, subtitles or thumbnail.")
    if not files[file].uri:
        name = FILE.Name(file).removeprefix("FILE_").lower()
        raise ClipmillError("FILE_NOT_FOUND", f"The clip has no {name}.", "GetClip says what it has.")
    return files[file]


def _beside(clip: pb.Clip, suffix: str) -> BlobRef:
    found = next((file.blob for file in clip.rendering.files if file.suffix == suffix), None)
    if found is None:
        raise ClipmillError("FILE_NOT_FOUND", f"The clip has no .{suffix[:20]} file.", "GetClip says what it has.")
    return found


def _no_video(video_id: str) -> ClipmillError:
    return ClipmillError("VIDEO_NOT_FOUND", f"There is no video {video_id[:100]}.", "ListClips names your videos.")


def _token(place: Place) -> str:
    return base64.urlsafe_b64encode(f"{place.scored_at!r} {place.job_id} {place.rank}".encode()).decode()


def _place(token: str) -> Place | None:
    if not token:
        return None
    try:
        scored_at, job_id, rank = base64.urlsafe_b64decode(token).decode().split(" ")
        return Place(float(scored_at), job_id, int(rank))
    except ValueError:
        raise ClipmillError("INVALID_PAGE_TOKEN", "The page token is not one of ours.", "Begin anew.") from None
