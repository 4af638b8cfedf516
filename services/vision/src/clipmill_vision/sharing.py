"""Answers a task by what was seen of an earlier video with the same sound, where the picture is the same as well."""

from __future__ import annotations

from clipmill.common.v1.common_pb2 import TimeRange, Twin
from clipmill.media.v1.media_pb2 import MediaIngested, VideoStream
from clipmill.vision.v1.vision_pb2 import VisionAnalysis, VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import Answer
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.recordings import Recordings
from clipmill_shared.work import Kept, Report
from clipmill_vision.exchange import Copy, Moved, Part, Shown

# What of an earlier result's remarks holds here too; with others the part is looked at anew.
HOLDS = ("DESCRIPTIONS_CUT",)
# Of an earlier part so little is not needed, in seconds: the offset is the sound's.
EDGE_S = 0.3
# Two shapes are one where they differ by so much: codecs want even sizes.
SHAPE = 0.01


async def share(
    children: Children, blobs: Blobs, task: VisionTask, kept: Kept[VisionTask, VisionAnalyzed], report: Report
) -> VisionAnalyzed | None:
    """See StageWork.share."""
    earlier = await Recordings(blobs).find(task.task.owner_id, task.twin.video_id)
    if earlier is None or not _is_as_large(earlier.ingested.info.video, task):
        return None
    others = []
    for part in _parts(earlier.ingested, task):
        other = await kept(_asked(task, earlier.ingested, part))
        if other is None or any(warning.code not in HOLDS for warning in other.answer.warnings):
            return None
        others.append(other)
    if not others:
        return None
    analyses = [await blobs.get_message(other.analysis, VisionAnalysis) for other in others]
    async with blobs.local(task.source) as path:
        copy = Copy(
            Part(path, task.video_stream, task.source_start_s, task.part.start_s, task.part.end_s),
            Shown(task.display_width, task.display_height, task.rotation_deg),
            tuple(analyses),
            task.twin.offset_s,
        )
        moved = await children.run(copy, report)
    if not isinstance(moved, Moved):
        return None
    twin = Twin()
    twin.CopyFrom(task.twin)
    twin.offset_s = moved.offset_s
    twin.saved_s = sum(other.answer.compute_s * _share(other.part, task, moved.offset_s) for other in others)
    said = {warning.SerializeToString(): warning for other in others for warning in other.answer.warnings}
    return VisionAnalyzed(
        answer=Answer(models=others[0].answer.models, warnings=said.values(), twin=twin),
        part=task.part,
        analysis=await blobs.put_message(task.task.owner_id, moved.analysis),
        shots=len(moved.analysis.shots),
        face_tracks=len(moved.analysis.face_tracks),
        video_id=task.video_id,
    )


def _is_as_large(there: VideoStream, task: VisionTask) -> bool:
    """The same shape, and no smaller: in a larger picture more faces are found."""
    width, height = task.display_width, task.display_height
    across, down = there.display_width * height, width * there.display_height
    return there.display_height >= height and abs(across - down) <= SHAPE * across


def _parts(earlier: MediaIngested, task: VisionTask) -> list[TimeRange]:
    begin_s, end_s = (at_s - task.twin.offset_s for at_s in (task.part.start_s, task.part.end_s))
    return [part for part in earlier.vision_parts if part.start_s < end_s - EDGE_S and part.end_s > begin_s + EDGE_S]


def _asked(task: VisionTask, earlier: MediaIngested, part: TimeRange) -> VisionTask:
    """The earlier video's task, with this job's options."""
    asked = VisionTask()
    asked.CopyFrom(task)
    asked.ClearField("twin")
    picture = earlier.info.video
    asked.source.CopyFrom(earlier.source)
    asked.part.CopyFrom(part)
    asked.source_start_s = earlier.info.start_s
    asked.video_stream = picture.index
    asked.rotation_deg = picture.rotation_deg
    asked.display_width, asked.display_height = picture.display_width, picture.display_height
    asked.video_id = earlier.video_id
    return asked


def _share(part: TimeRange, task: VisionTask, offset_s: float) -> float:
    """Of an earlier part, how much lies in the task's."""
    common_s = min(part.end_s + offset_s, task.part.end_s) - max(part.start_s + offset_s, task.part.start_s)
    return max(common_s, 0.0) / (part.end_s - part.start_s)
