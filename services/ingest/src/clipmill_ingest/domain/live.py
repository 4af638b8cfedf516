"""A job whose source still grows: its plan grows with it, part by part, until the recording has ended.

Audio and vision parts become tasks as they are cut; beside them one task shows candidates of what was heard so far.
Once the recording's result is here, and all the parts that it names, the job goes on as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed, AudioTask
from clipmill.clips.v1.clips_pb2 import AnalysisRef, ClipsPreviewed, ScoringTask
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1.jobs_pb2 import LiveLine, LiveProgress
from clipmill.media.v1.media_pb2 import MediaIngested, RecordedPart, RecordTask
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import Stage, Task
from clipmill_ingest.domain.address import shown
from clipmill_ingest.domain.record import JobRecord, LedgerTask, TaskState, new_task

# A preview looks at so much of what was heard last, and shows so many candidates: neither grows with the stream.
PREVIEW_S = 1800.0
PREVIEW_PARTS = 120
CANDIDATES = 5
LINES = 6
PREVIEW_COST_S = 10.0
# Parts follow each other without a gap.
SEAM_S = 0.001


@dataclass(frozen=True)
class Known:
    """The parts that the ledger has of a recording, in order, and whether its input has been ended.

    `url` is the source's own, which no task carries: there may be a password in it.
    """

    url: str
    sounds: tuple[RecordedPart, ...]
    pictures: tuple[RecordedPart, ...]
    input_ended: bool


def take_part(record: JobRecord, part: RecordedPart, now: float) -> JobRecord:
    """The next part of its stage by the recording's present attempt becomes a task; any other changes nothing."""
    recording = record.task(part.task.task_id)
    if not record.is_open or recording is None or recording.stage != Stage.STAGE_RECORD or recording.has_ended:
        return record
    known = record.of(part.stage)
    if part.task.attempt != recording.attempt or part.number != len(known):
        return record
    before = known[-1].recorded if known else None
    if abs(part.part.start_s - (before.part.end_s if before is not None else 0.0)) > SEAM_S:
        # An attempt that was delivered twice is recorded twice, and may be cut otherwise: one of them goes on.
        return record
    length_s = part.part.end_s - part.part.start_s
    task = replace(new_task(record.job_id, part.stage, part.number, length_s, now), recorded=part)
    # What gets on is not lost for good: a stream outlasts many a worker.
    return record.with_task(replace(recording, losses=0)).with_tasks((task,))


def is_whole(record: JobRecord, result: MediaIngested) -> bool:
    """True when all parts that a recording's result names are here: they come by another topic."""
    return len(record.of(Stage.STAGE_AUDIO)) == len(result.audio_parts) and len(record.of(Stage.STAGE_VISION)) == len(
        result.vision_parts
    )


def previewed(record: JobRecord, now: float) -> JobRecord:
    """Have candidates looked for again when more has been heard since; one preview at a time, none after the end."""
    recording = record.recording
    if recording is None or not record.is_open:
        return record
    preview = next(iter(record.of(Stage.STAGE_PREVIEW)), None)
    if recording.has_ended:
        if preview is not None and preview.state == TaskState.WAITING:
            return record.with_task(replace(preview, state=TaskState.DONE, finished_at=now))
        return record
    heard_at = max(
        (task.finished_at or 0.0 for task in _heard(record) if task.result is not None),
        default=0.0,
    )
    if not heard_at:
        return record
    if preview is None:
        return record.with_tasks((new_task(record.job_id, Stage.STAGE_PREVIEW, 0, PREVIEW_COST_S, now),))
    if preview.has_ended and heard_at > (preview.started_at or 0.0):
        waiting = replace(preview, state=TaskState.WAITING, ready_at=now, losses=0, started_at=None, finished_at=None)
        return record.with_task(waiting)
    return record


def progress_of(record: JobRecord) -> LiveProgress | None:
    """How far a live source has been taken in; None for others."""
    if not record.is_live:
        return None
    recording = record.recording
    parts = [task.recorded.part.end_s for task in record.tasks if task.recorded is not None]
    heard = _heard(record)
    progress = LiveProgress(
        recorded_s=max(parts, default=0.0),
        heard_s=_until_s(heard),
        seen_s=_until_s(_done_first(record, Stage.STAGE_VISION)),
        ended=recording is not None and recording.has_ended,
        lines=[
            LiveLine(number=task.part, range=task.result.part, text=task.result.text)
            for task in heard
            if isinstance(task.result, AudioAnalyzed) and task.result.text
        ][-LINES:],
    )
    if record.scored is None and record.is_open:
        for task in record.of(Stage.STAGE_PREVIEW):
            if isinstance(task.result, ClipsPreviewed):
                progress.candidates.extend(task.result.clips[:CANDIDATES])
    return progress


# --- what goes to workers ---


def record_task(record: JobRecord, header: Task) -> RecordTask:
    return RecordTask(task=header, source=shown(record.source), video_id=record.video_id or "")


def known_of(record: JobRecord, attempt: int) -> Known | None:
    """What an attempt at recording goes on from; None for one that is not the present one."""
    recording = record.recording
    if not record.is_open or recording is None or recording.has_ended or recording.attempt != attempt:
        return None
    sounds, pictures = (
        tuple(task.recorded for task in record.of(stage) if task.recorded is not None)
        for stage in (Stage.STAGE_AUDIO, Stage.STAGE_VISION)
    )
    return Known(record.source.url, sounds, pictures, record.input_ended)


def audio_task(recorded: RecordedPart, message: AudioTask) -> AudioTask:
    """`message` with what is a part's own: its sound, and that its words are to be shown."""
    message.speech.CopyFrom(recorded.blob)
    message.part.CopyFrom(recorded.part)
    message.video_id, message.speech_start_s, message.says_text = recorded.video_id, recorded.part.start_s, True
    return message


def vision_task(record: JobRecord, recorded: RecordedPart, header: Task) -> VisionTask:
    picture = recorded.info.video
    return VisionTask(
        task=header,
        source=recorded.blob,
        part=recorded.part,
        source_start_s=recorded.info.start_s,
        video_stream=picture.index,
        rotation_deg=picture.rotation_deg,
        display_width=picture.display_width,
        display_height=picture.display_height,
        profile=record.options.profile,
        video_id=recorded.video_id,
    )


def preview_task(record: JobRecord, message: ScoringTask) -> ScoringTask:
    """`message` with what was heard last, and seen meanwhile, as if nothing came after it."""
    heard = _heard(record)[-PREVIEW_PARTS:]
    last = heard[-1].recorded
    assert last is not None and record.video_id is not None, "a preview is planned when a part has been heard"
    end_s = last.part.end_s
    from_s = max(0.0, end_s - PREVIEW_S)
    seen = _done_first(record, Stage.STAGE_VISION)
    message.video_id = record.video_id
    message.info.CopyFrom(last.info)
    message.info.duration_s = end_s
    message.heard.extend(short(_refs(heard, from_s)))
    message.seen.extend(short(_refs(seen[-PREVIEW_PARTS:], from_s)))
    return message


def short(refs: Iterable[BlobRef]) -> Iterator[AnalysisRef]:
    """References of 41 bytes: all parts of a stream fit one scoring task, whatever its owner is called."""
    for ref in refs:
        yield AnalysisRef(sha256=bytes.fromhex(ref.sha256), size_bytes=ref.size_bytes)


def _refs(tasks: list[LedgerTask], from_s: float) -> Iterator[BlobRef]:
    for task in tasks:
        if isinstance(task.result, AudioAnalyzed | VisionAnalyzed) and task.result.part.end_s > from_s:
            yield task.result.analysis


def _heard(record: JobRecord) -> list[LedgerTask]:
    return _done_first(record, Stage.STAGE_AUDIO)


def _done_first(record: JobRecord, stage: Stage.ValueType) -> list[LedgerTask]:
    """The tasks of a stage before the first that is not done."""
    done: list[LedgerTask] = []
    for task in record.of(stage):
        if task.state != TaskState.DONE:
            break
        done.append(task)
    return done


def _until_s(tasks: list[LedgerTask]) -> float:
    last = tasks[-1].recorded if tasks else None
    return last.part.end_s if last is not None else 0.0
