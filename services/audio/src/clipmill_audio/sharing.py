"""Answers a task by what was heard of an earlier video with the same sound, where it is the same and is still kept."""

from __future__ import annotations

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioAnalyzed, AudioTask
from clipmill.common.v1.common_pb2 import Twin
from clipmill.media.v1.media_pb2 import MediaIngested
from clipmill.work.v1.work_pb2 import Answer
from clipmill_audio.domain.timed import Span
from clipmill_audio.exchange import Earlier, Moved
from clipmill_audio.remarks import NOISY, noise_warnings
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.recordings import Recordings
from clipmill_shared.work import Kept, Report

AUTO = "auto"
# What of an earlier result's remarks holds here too; with others the part is heard anew.
HOLDS = ("LANGUAGE_ASSUMED",)


async def share(
    children: Children, blobs: Blobs, task: AudioTask, kept: Kept[AudioTask, AudioAnalyzed], report: Report
) -> AudioAnalyzed | None:
    """See StageWork.share."""
    earlier = await Recordings(blobs).find(task.task.owner_id, task.twin.video_id)
    other = await _heard(task, earlier.ingested, kept) if earlier and not earlier.corrected else None
    if earlier is None or other is None or any(w.code not in (*HOLDS, NOISY) for w in other.answer.warnings):
        return None
    analysis = await blobs.get_message(other.analysis, AudioAnalysis)
    there = task.twin.part
    async with blobs.local(task.speech) as speech, blobs.local(earlier.ingested.speech) as other_speech:
        asked = Earlier(
            speech,
            Span(task.part.start_s, task.part.end_s),
            other_speech,
            Span(there.start_s, there.end_s),
            task.twin.offset_s,
            analysis,
        )
        moved = await children.run(asked, report)
    if not isinstance(moved, Moved):
        return None
    twin = Twin()
    twin.CopyFrom(task.twin)
    twin.offset_s, twin.saved_s = moved.offset_s, other.answer.compute_s
    said = [warning for warning in other.answer.warnings if warning.code in HOLDS and moved.analysis.words]
    words = len(moved.analysis.words)
    share_kept = words / other.words if other.words else 0.0
    return AudioAnalyzed(
        answer=Answer(
            models=other.answer.models, warnings=[*said, *noise_warnings(task.part, moved.above_rest_db)], twin=twin
        ),
        part=task.part,
        analysis=await blobs.put_message(task.task.owner_id, moved.analysis),
        words=words,
        language=other.language,
        video_id=task.video_id,
        unknown_words=round(other.unknown_words * share_kept),
        repeated_words=round(other.repeated_words * share_kept),
        engine=other.engine,
    )


async def _heard(task: AudioTask, earlier: MediaIngested, kept: Kept[AudioTask, AudioAnalyzed]) -> AudioAnalyzed | None:
    """What was heard of the same part of the earlier video, asked the same way.

    Which engine hears a job is known after its first words: the same part may have been asked for by its name or not.
    """
    asked = AudioTask()
    asked.CopyFrom(task)
    asked.ClearField("twin")
    asked.speech.CopyFrom(earlier.speech)
    asked.part.CopyFrom(task.twin.part)
    asked.video_id = earlier.video_id
    if (found := await kept(asked)) is not None:
        return found
    if task.asr in ("", AUTO):
        asked.part.CopyFrom(earlier.audio_parts[0])
        first = await kept(asked)
        asked.part.CopyFrom(task.twin.part)
        asked.asr = first.engine if first is not None else ""
        return await kept(asked) if asked.asr else None
    asked.asr = AUTO
    found = await kept(asked)
    return found if found is not None and (not found.words or found.engine == task.asr) else None
