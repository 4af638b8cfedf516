"""VisionService: a video in, what is seen out, stretch by stretch. For callers without a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange
from clipmill.vision.v1.vision_pb2 import AnalyzedVideo, AnalyzeRequest, AnalyzeResponse, VisionTask
from clipmill.vision.v1.vision_pb2_grpc import VisionServiceServicer
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.errors import ClipmillError
from clipmill_shared.results import Results
from clipmill_shared.rpc.auth import owner_of
from clipmill_vision.exchange import Video, WhatIsIt
from clipmill_vision.handlers import Observer, caution
from clipmill_vision.settings import VisionSettings

# Of this length a stretch is told when it has been seen: a second or two at the profile fast.
STRETCH_S = 15.0


class VisionServicer(VisionServiceServicer):
    """`children` run `clipmill_vision.work:answer`; calls share them with the worker, a stretch at a time."""

    def __init__(self, children: Children, blobs: Blobs, settings: VisionSettings, results: Results) -> None:
        self._children = children
        self._blobs = blobs
        self._settings = settings
        self._observer = Observer(children, settings, results, lasting=False)
        self._open = 0

    async def Analyze(  # noqa: N802
        self, request: AnalyzeRequest, context: Any
    ) -> AsyncIterator[AnalyzeResponse]:
        """Errors: INVALID_SOURCE, INVALID_OPTIONS, INPUT_...; QUEUE_FULL over `api_calls` open calls."""
        owner_id = owner_of(context)
        if self._open >= self._settings.api_calls:
            raise ClipmillError(
                "QUEUE_FULL",
                f"{self._open} videos are being looked at, as many as may.",
                "Call again later, or raise CLIPMILL_VISION_API_CALLS.",
                retryable=True,
            )
        self._open += 1
        try:
            async with await self._source(owner_id, request) as path:
                video = await self._children.run(WhatIsIt(path))
                assert isinstance(video, Video)
                yield AnalyzeResponse(video=_told(video))
                async for response in self._stretches(owner_id, path, request, video):
                    yield response
        finally:
            self._open -= 1

    async def _source(self, owner_id: str, request: AnalyzeRequest) -> AbstractAsyncContextManager[Path]:
        if request.WhichOneof("from") == "upload":
            if not request.upload.uri.startswith(f"blob:{owner_id}/"):
                raise ClipmillError("INVALID_SOURCE", "The upload is none of yours.", "Name a blob of your own.")
            return self._blobs.local(request.upload)
        if not request.path.startswith("/"):
            raise ClipmillError("INVALID_SOURCE", "No video was named.", "Give an absolute path, or an upload.")
        path = await asyncio.to_thread(self._blobs.under_import_root, Path(request.path))
        return self._blobs.local(await self._blobs.reference_file(path, "", ""))

    async def _stretches(
        self, owner_id: str, path: Path, request: AnalyzeRequest, video: Video
    ) -> AsyncIterator[AnalyzeResponse]:
        begin_s, end_s = _range(request, video)
        seen_any = False
        while begin_s < end_s:
            stop_s = min(begin_s + STRETCH_S, end_s)
            # The rest of a second would be a stretch without a frame.
            stop_s = end_s if end_s - stop_s < 1 else stop_s
            task = _task(request, video, begin_s, stop_s)
            try:
                looked = await self._observer.look(owner_id, task, path)
            except ClipmillError as error:
                if error.code != "INPUT_UNREADABLE" or (stop_s == end_s and not seen_any):
                    raise
                yield AnalyzeResponse(warnings=[caution(error.code, error.message)])
            else:
                seen_any = True
                yield AnalyzeResponse(part=looked.analysis, warnings=looked.warnings)
            begin_s = stop_s


def _range(request: AnalyzeRequest, video: Video) -> tuple[float, float]:
    if not request.HasField("range"):
        return 0.0, video.duration_s
    begin_s, end_s = max(request.range.start_s, 0.0), min(request.range.end_s, video.duration_s)
    if not begin_s < end_s:
        raise ClipmillError(
            "INVALID_OPTIONS",
            f"The range holds nothing of the video, which lasts {video.duration_s:.1f} s.",
            "Ask for a range within it, or for none.",
        )
    return begin_s, end_s


def _task(request: AnalyzeRequest, video: Video, begin_s: float, end_s: float) -> VisionTask:
    return VisionTask(
        part=TimeRange(start_s=begin_s, end_s=end_s),
        source_start_s=video.clock_start_s,
        video_stream=video.stream_index,
        rotation_deg=video.shown.rotation_deg,
        display_width=video.shown.width,
        display_height=video.shown.height,
        profile=request.profile or PROFILE_FAST,
    )


def _told(video: Video) -> AnalyzedVideo:
    return AnalyzedVideo(
        duration_s=video.duration_s,
        source_start_s=video.clock_start_s,
        video_stream=video.stream_index,
        display_width=video.shown.width,
        display_height=video.shown.height,
        rotation_deg=video.shown.rotation_deg,
    )
