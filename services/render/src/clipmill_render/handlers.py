"""The render stage's work: a RenderTask in, a ClipRendered out. The rendering itself is in `work`, in a child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization
from clipmill.clips.v1.clips_pb2 import ClipFile, ClipRendered, Finish, RenderTask, ScoredClips
from clipmill.common.v1 import common_pb2
from clipmill.common.v1.common_pb2 import BlobRef, ModelVersion
from clipmill.vision.v1.vision_pb2 import Cast, VisionAnalysis
from clipmill.work.v1.work_pb2 import STAGE_RENDER, Answer
from clipmill_render.exchange import Request, Result
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.work import Report, StageWork

NAME = "render"
# Counts up with every change to this service that makes it answer otherwise.
FORMULA = 14
# Whose versions are part of the answer.
PACKAGES = ("imageio-ffmpeg", "font-roboto")
MEDIA_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt", "ass": "text/x-ssa"} | {
    "otio": "application/vnd.pixar.opentimelineio+json",
    "edl": "text/plain",
    "fcpxml": "application/xml",
}


class Rendering:
    """Renders clips in `children` (which run `clipmill_render.work:render`), each with `threads` threads; a job's last,
    beside which cores fall idle, with `last_threads`. `encoder` is the one to compress pictures with, see settings.
    """

    def __init__(
        self, blobs: Blobs, children: Children, threads: int, last_threads: int, *, encoder: str = "libx264"
    ) -> None:
        self._blobs = blobs
        self._children = children
        self._threads = threads
        self._last_threads = last_threads
        self._encoder = encoder

    @property
    def stage(self) -> StageWork[RenderTask, ClipRendered]:
        return StageWork(
            stage=STAGE_RENDER,
            name=NAME,
            tasks=topics.RENDER_TASKS,
            results=topics.CLIPS_RENDERED,
            version="/".join([str(FORMULA), self._encoder, *(f"{package}={version(package)}" for package in PACKAGES)]),
            work=self.render,
        )

    async def render(self, task: RenderTask, report: Report) -> ClipRendered:
        """The result of a task, without header. Errors: RENDER_FAILED, RENDER_CHECK_FAILED, DISK_FULL."""
        owner = task.task.owner_id
        audio = tuple([await self._blobs.get_message(ref, AudioAnalysis) for ref in task.audio])
        vision = tuple([await self._blobs.get_message(ref, VisionAnalysis) for ref in task.vision])
        cast = await self._blobs.get_message(task.cast, Cast) if task.HasField("cast") else None
        diarization = (
            await self._blobs.get_message(task.diarization, Diarization) if task.HasField("diarization") else None
        )
        keywords = await self._keywords(task)
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(self._blobs.local(task.source))
            folder = await stack.enter_async_context(self._blobs.scratch_folder())
            assets = {
                role: await stack.enter_async_context(self._blobs.local(ref)) for role, ref in assets_of(task.finish)
            }
            threads = self._last_threads if task.task.last else self._threads
            request = Request(
                source, folder, task, audio, vision, threads, cast, diarization, keywords, self._encoder, assets
            )
            made = await self._children.run(request, report)
            assert isinstance(made, Result)
            files = await self._files(owner, made.files)
            return ClipRendered(
                answer=Answer(
                    models=[
                        ModelVersion(
                            task="encoder", name=made.encoder, version=made.ffmpeg_version, reason=made.encoder_reason
                        ),
                    ],
                    warnings=[
                        common_pb2.Warning(code=note.code, message=note.message, part=NAME) for note in made.notes
                    ],
                ),
                video_id=task.video_id,
                clip_id=task.clip.clip_id,
                video=await self._blobs.put_file(owner, made.video, "video/mp4"),
                subtitles=files.pop("srt", None),
                files=[ClipFile(suffix=suffix, blob=blob) for suffix, blob in files.items()],
                thumbnail=await self._blobs.put_file(owner, made.thumbnail, "image/jpeg"),
                width=made.width,
                height=made.height,
                duration_s=made.duration_s,
                loudness_lufs=made.loudness_lufs,
                layouts=made.layouts,
                left_out=made.left_out,
                branded=made.branded,
            )

    async def _keywords(self, task: RenderTask) -> tuple[str, ...]:
        if not task.HasField("scored"):
            return ()
        scored = await self._blobs.get_message(task.scored, ScoredClips)
        return tuple(
            keyword for clip in scored.clips if clip.head.clip_id == task.clip.clip_id for keyword in clip.keywords
        )

    async def _files(self, owner_id: str, paths: Sequence[Path]) -> dict[str, BlobRef]:
        """Blobs by suffix."""
        return {
            path.suffix[1:]: await self._blobs.put_file(owner_id, path, MEDIA_TYPES[path.suffix[1:]]) for path in paths
        }


def assets_of(finish: Finish) -> Iterator[tuple[str, BlobRef]]:
    """The files of a brand, and music, by what they are for."""
    brand = finish.brand
    if brand.HasField("logo"):
        yield "logo", brand.logo.picture
    if brand.HasField("intro"):
        yield "intro", brand.intro.file
    if brand.HasField("outro"):
        yield "outro", brand.outro.file
    if finish.HasField("music"):
        yield "music", finish.music.sound
