"""The render stage's work: a RenderTask in, a ClipRendered out. The rendering itself is in `work`, in a child."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill.clips.v1.clips_pb2 import ClipRendered, RenderTask
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
FORMULA = 8
# Whose versions are part of the answer.
PACKAGES = ("imageio-ffmpeg", "font-roboto")


class Rendering:
    """Renders clips in `children` (which run `clipmill_render.work:render`), each with `threads` threads; a job's last,
    beside which cores fall idle, with `last_threads`.
    """

    def __init__(self, blobs: Blobs, children: Children, threads: int, last_threads: int) -> None:
        self._blobs = blobs
        self._children = children
        self._threads = threads
        self._last_threads = last_threads

    @property
    def stage(self) -> StageWork[RenderTask, ClipRendered]:
        return StageWork(
            stage=STAGE_RENDER,
            name=NAME,
            tasks=topics.RENDER_TASKS,
            results=topics.CLIPS_RENDERED,
            version="/".join([str(FORMULA), *(f"{package}={version(package)}" for package in PACKAGES)]),
            work=self.render,
        )

    async def render(self, task: RenderTask, report: Report) -> ClipRendered:
        """The result of a task, without header. Errors: RENDER_FAILED, RENDER_CHECK_FAILED, DISK_FULL."""
        owner = task.task.owner_id
        audio = tuple([await self._blobs.get_message(ref, AudioAnalysis) for ref in task.audio])
        vision = tuple([await self._blobs.get_message(ref, VisionAnalysis) for ref in task.vision])
        cast = await self._blobs.get_message(task.cast, Cast) if task.HasField("cast") else None
        async with self._blobs.local(task.source) as source, self._blobs.scratch_folder() as folder:
            threads = self._last_threads if task.task.last else self._threads
            request = Request(source, folder, task, audio, vision, threads, cast)
            made = await self._children.run(request, report)
            assert isinstance(made, Result)
            return ClipRendered(
                answer=Answer(
                    models=[
                        ModelVersion(task="encoder", name="libx264", version=made.ffmpeg_version),
                    ],
                    warnings=[
                        common_pb2.Warning(code=note.code, message=note.message, part=NAME) for note in made.notes
                    ],
                ),
                video_id=task.video_id,
                clip_id=task.clip.clip_id,
                video=await self._blobs.put_file(owner, made.video, "video/mp4"),
                subtitles=await self._put(owner, made.subtitles, "application/x-subrip"),
                thumbnail=await self._put(owner, made.thumbnail, "image/jpeg"),
                width=made.width,
                height=made.height,
                duration_s=made.duration_s,
                loudness_lufs=made.loudness_lufs,
                layouts=made.layouts,
            )

    async def _put(self, owner_id: str, path: Path | None, media_type: str) -> BlobRef | None:
        return None if path is None else await self._blobs.put_file(owner_id, path, media_type)
