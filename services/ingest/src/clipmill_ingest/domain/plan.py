"""The plan of a job: import, then audio and vision side by side, then scoring, then a render a clip.

Of a live source the recording is the import, and its parts are planned as they come (domain/live.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed, AudioTask
from clipmill.clips.v1.clips_pb2 import Finish, RenderTask, ScoringTask
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange, Twin
from clipmill.media.v1.media_pb2 import ImportTask, MediaIngested, RecordTask, SharedPart, Source
from clipmill.models.v1.models_pb2 import PinnedVersion
from clipmill.pieces import length_s
from clipmill.vision.v1.vision_pb2 import VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import Stage, Task
from clipmill_ingest.domain import live
from clipmill_ingest.domain.address import shown
from clipmill_ingest.domain.options import speakers_given, wants_speakers
from clipmill_ingest.domain.record import JobRecord, LedgerTask, TaskState, new_task

AnyTask = ImportTask | RecordTask | AudioTask | VisionTask | ScoringTask | RenderTask

# Seconds of media that a task without a range counts for.
IMPORT_COST_S = 60.0
SCORING_COST_S = 10.0
# Registered models that a stage runs by the version which the job pinned.
MODELS = {
    Stage.STAGE_AUDIO: frozenset({"transcription", "voice_turns", "voice_embedding"}),
    Stage.STAGE_VISION: frozenset({"faces", "face_mesh", "face_looks", "text_areas"}),
    Stage.STAGE_SCORING: frozenset({"clip_scorer", "sentences"}),
}


def first_tasks(job_id: str, source: Source, now: float) -> tuple[LedgerTask, ...]:
    stage = Stage.STAGE_RECORD if source.HasField("live") else Stage.STAGE_IMPORT
    return (new_task(job_id, stage, 0, IMPORT_COST_S, now),)


def next_tasks(record: JobRecord, now: float) -> Sequence[LedgerTask]:
    """The tasks that have become possible and are not planned yet; none when the job waits, or has all it needs."""
    if record.ingested is None:
        return ()
    analyses = [*record.of(Stage.STAGE_AUDIO), *record.of(Stage.STAGE_VISION)]
    # None are wanted where the ranges asked for lie beyond the video: then scoring says so.
    if not analyses and (wanted := tuple(_analyses(record, record.ingested, now))):
        return wanted
    if not all(task.has_ended for task in analyses):
        return ()
    if not record.of(Stage.STAGE_SCORING):
        return (new_task(record.job_id, Stage.STAGE_SCORING, 0, SCORING_COST_S, now),)
    if record.scored is None or record.of(Stage.STAGE_RENDER):
        return ()
    return tuple(
        new_task(record.job_id, Stage.STAGE_RENDER, part, length_s(clip), now)
        for part, clip in enumerate(record.scored.clips)
    )


def is_complete(record: JobRecord) -> bool:
    """True when nothing is left to do."""
    return record.scored is not None and all(
        task.has_ended for task in record.tasks if task.stage != Stage.STAGE_PREVIEW
    )


def _analyses(record: JobRecord, ingested: MediaIngested, now: float) -> Iterator[LedgerTask]:
    """Of the parts that clips may be taken from; the others are not analysed."""
    has_sound = ingested.HasField("speech")
    for stage, parts in (
        (Stage.STAGE_AUDIO, [each.part for each in _audio_parts(record, ingested)] if has_sound else ()),
        (Stage.STAGE_VISION, ingested.vision_parts),
    ):
        for part, span in enumerate(parts):
            if _is_wanted(record, span):
                yield new_task(record.job_id, stage, part, span.end_s - span.start_s, now)


def _audio_parts(record: JobRecord, ingested: MediaIngested) -> Sequence[SharedPart]:
    """A given transcript is one: where its words are is known by what was heard before and after them."""
    if record.options.HasField("transcript"):
        return (SharedPart(part=TimeRange(start_s=0, end_s=ingested.info.duration_s)),)
    if ingested.HasField("like") and not ingested.like.corrected and not record.options.no_reuse:
        return ingested.like.audio_parts
    return [SharedPart(part=part) for part in ingested.audio_parts]


def engine_of(record: JobRecord) -> str:
    """What hears the job: what heard the first part with words in it; "" while that is not known, or nobody speaks."""
    for task in record.of(Stage.STAGE_AUDIO):
        if not isinstance(task.result, AudioAnalyzed):
            return ""
        if task.result.words:
            return task.result.engine
    return ""


def _is_wanted(record: JobRecord, span: TimeRange) -> bool:
    ranges = record.options.ranges
    return not ranges or any(span.start_s < wanted.end_s and span.end_s > wanted.start_s for wanted in ranges)


def message_of(record: JobRecord, task: LedgerTask, drop_after: float) -> AnyTask:
    """The task as workers read it; they drop it when they get it after `drop_after` (Unix seconds)."""
    header = Task(
        owner_id=record.owner_id,
        job_id=record.job_id,
        task_id=task.task_id,
        stage=task.stage,
        attempt=task.attempt,
        last=not any(other.state == TaskState.WAITING for other in record.of(task.stage) if other is not task),
    )
    header.lease_until.FromNanoseconds(round(drop_after * 1e9))
    if task.stage == Stage.STAGE_IMPORT:
        return ImportTask(task=header, source=shown(record.source))
    if task.stage == Stage.STAGE_RECORD:
        return live.record_task(record, header)
    if task.stage == Stage.STAGE_PREVIEW:
        return live.preview_task(record, _asked_of_scoring(record, header))
    if task.stage == Stage.STAGE_AUDIO and task.recorded is not None:
        return live.audio_task(task.recorded, _asked_of_audio(record, header))
    if task.stage == Stage.STAGE_VISION and task.recorded is not None:
        looking = live.vision_task(record, task.recorded, header)
        looking.pinned.extend(_pinned(record, Stage.STAGE_VISION))
        return looking
    media = record.ingested
    assert media is not None, "no stage but import comes before import has ended"
    if task.stage == Stage.STAGE_AUDIO:
        return _audio_task(record, media, task.part, header)
    if task.stage == Stage.STAGE_VISION:
        return _vision_task(record, media, task.part, header)
    if task.stage == Stage.STAGE_SCORING:
        message = _asked_of_scoring(record, header)
        message.video_id = media.video_id
        message.info.CopyFrom(media.info)
        heard, seen = (_analyses_of(record, stage, None) for stage in (Stage.STAGE_AUDIO, Stage.STAGE_VISION))
        if record.is_live:
            message.heard.extend(live.short(heard))
            message.seen.extend(live.short(seen))
        else:
            message.audio.extend(heard)
            message.vision.extend(seen)
        return message
    return _render_task(record, media, task.part, header)


def _pinned(record: JobRecord, stage: Stage.ValueType) -> list[PinnedVersion]:
    """Those alone that the stage runs: another model's version makes no other result of it."""
    return [each for each in record.options.pinned if each.model in MODELS[stage]]


def _asked_of_scoring(record: JobRecord, header: Task) -> ScoringTask:
    return ScoringTask(
        task=header,
        clips=record.options.clips,
        min_s=record.options.min_s,
        max_s=record.options.max_s,
        about=record.options.about,
        ranges=record.options.ranges,
        speakers=speakers_given(record.options),
        genre=record.options.genre,
        masking=record.options.finish.masking,
        pinned=_pinned(record, Stage.STAGE_SCORING),
    )


def _asked_of_audio(record: JobRecord, header: Task) -> AudioTask:
    return AudioTask(
        task=header,
        language=record.options.language,
        profile=record.options.profile,
        asr=engine_of(record) or record.options.asr,
        transcript=record.options.transcript if record.options.HasField("transcript") else None,
        voices=wants_speakers(record.options),
        vocabulary=record.options.vocabulary,
        pinned=_pinned(record, Stage.STAGE_AUDIO),
    )


def _audio_task(record: JobRecord, media: MediaIngested, part: int, header: Task) -> AudioTask:
    message = _asked_of_audio(record, header)
    shared = _audio_parts(record, media)[part]
    message.speech.CopyFrom(media.speech)
    message.part.CopyFrom(shared.part)
    message.video_id = media.video_id
    if shared.HasField("twin"):
        message.twin.CopyFrom(shared.twin)
        message.twin.video_id, message.twin.name = media.like.video_id, media.like.name
    return message


def _vision_task(record: JobRecord, media: MediaIngested, part: int, header: Task) -> VisionTask:
    picture = media.info.video
    message = VisionTask(
        task=header,
        source=media.source,
        part=media.vision_parts[part],
        source_start_s=media.info.start_s,
        video_stream=picture.index,
        rotation_deg=picture.rotation_deg,
        display_width=picture.display_width,
        display_height=picture.display_height,
        profile=record.options.profile,
        video_id=media.video_id,
        pinned=_pinned(record, Stage.STAGE_VISION),
    )
    if not record.options.no_reuse and (offset_s := _offset_s(media)) is not None:
        # Its parts begin at its own keyframes: the worker takes what it needs of the earlier video's.
        there = TimeRange(start_s=max(message.part.start_s - offset_s, 0), end_s=message.part.end_s - offset_s)
        message.twin.CopyFrom(Twin(video_id=media.like.video_id, name=media.like.name, part=there, offset_s=offset_s))
    return message


def _offset_s(media: MediaIngested) -> float | None:
    """By how much the video is later than the one that it sounds like; None where it sounds like none."""
    return next((part.twin.offset_s for part in media.like.audio_parts if part.HasField("twin")), None)


def _render_task(record: JobRecord, media: MediaIngested, part: int, header: Task) -> RenderTask:
    assert record.scored is not None, "renders are planned from the chosen clips"
    clip = record.scored.clips[part]
    return RenderTask(
        task=header,
        video_id=media.video_id,
        clip=clip,
        source=media.source,
        info=media.info,
        audio=_analyses_of(record, Stage.STAGE_AUDIO, clip.range),
        vision=_analyses_of(record, Stage.STAGE_VISION, clip.range),
        aspect=record.options.aspect,
        layout=record.options.layout,
        captions=record.options.captions,
        profile=record.options.profile,
        loudness_lufs=record.options.loudness_lufs if record.options.HasField("loudness_lufs") else None,
        caption_area=record.options.caption_area if record.options.HasField("caption_area") else None,
        diarization=record.scored.diarization if record.scored.HasField("diarization") else None,
        cast=record.scored.cast if record.scored.HasField("cast") else None,
        finish=record.options.finish,
        # Only where an edit is exported, for the same reason as below.
        source_name=media.name if record.options.finish.exports else "",
        # Only where something is cut, likewise.
        min_s=record.options.min_s if _shortens(record.options.finish) else 0,
        # Only where keywords are drawn: else another score would be another task, and no answer from the cache.
        scored=record.scored.scored if record.options.finish.look.keyword_colour else None,
    )


def _shortens(finish: Finish) -> bool:
    return finish.cut_fillers or finish.cut_pauses_s > 0


def _analyses_of(record: JobRecord, stage: Stage.ValueType, touching: TimeRange | None) -> Iterator[BlobRef]:
    """The analyses of a stage's parts in order; only of those that touch a range, if one is given."""
    for task in record.of(stage):
        if isinstance(task.result, AudioAnalyzed | VisionAnalyzed):
            part = task.result.part
            if touching is None or (part.start_s < touching.end_s and part.end_s > touching.start_s):
                yield task.result.analysis
