"""The output folder: the clips' files, clips.json and the report. Written whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from clipmill.audio.v1.audio_pb2 import SoundEvent, SpeakerTurn, Word
from clipmill.catalog.v1.catalog_pb2 import Clip, DownloadClipRequest, GetTranscriptResponse
from clipmill.client import Client
from clipmill.clips.v1.clips_pb2 import Brand, Branded, ClipOptions, ClipPerson, Layout, Logo, ShotLayout, SubScores
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.jobs.v1.jobs_pb2 import Job
from clipmill.pieces import pieces_of, shared
from clipmill.profanity import coarse_in, covered
from clipmill.turns import speaker_of
from clipmill.work.v1.work_pb2 import Stage
from clipmill_cli.options import ASPECTS, CAPTIONS, GENRES, LAYOUTS, MASKINGS, PROFILES
from clipmill_cli.report import report
from clipmill_cli.results import (
    BrandedRecord,
    BrandRecord,
    ClipRecord,
    EventRecord,
    FeatureRecord,
    LayoutRecord,
    LeftOutRecord,
    ModelRecord,
    OptionsRecord,
    PersonRecord,
    RangeRecord,
    ResultRecord,
    SharedRecord,
    ShortageRecord,
    ShotTextRecord,
    SourceRecord,
    SpeaksRecord,
    StandingRecord,
    SubScoresRecord,
    TurnRecord,
    WarningRecord,
    WordRecord,
)
from clipmill_shared.errors import ClipmillError
from clipmill_shared.object_store import is_disk_full

TIMINGS = {Word.TIMING_ALIGNED: "aligned", Word.TIMING_INTERPOLATED: "interpolated"}
EVENTS: dict[int, Literal["silence", "music"]] = {SoundEvent.KIND_SILENCE: "silence", SoundEvent.KIND_MUSIC: "music"}
FILE = DownloadClipRequest.File


async def deliver(client: Client, job: Job, output: Path) -> ResultRecord:
    """Fetch a finished job's clips into `output`. Without clips nothing is written there.

    The files appear together, by renaming; what an earlier run of Clipmill left under the same names is replaced.
    """
    clips = await client.wait_for_clips(job) if job.clip_ids else []
    heard = await heard_by(job, client)
    result = result_of(job, clips, heard)
    if clips:
        with writing(output):
            output.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=".clipmill-", dir=output))
            try:
                for clip, record in zip(clips, result.clips, strict=True):
                    await client.download(clip, FILE.FILE_VIDEO, folder / record.video)
                    await client.download(clip, FILE.FILE_THUMBNAIL, folder / record.thumbnail)
                    if record.subtitles:
                        await client.download(clip, FILE.FILE_SUBTITLES, folder / record.subtitles)
                    for name in record.files:
                        await client.download(clip, name.rpartition(".")[2], folder / name)
                await asyncio.to_thread(_finish, folder, output, result, heard)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return result


@contextlib.contextmanager
def writing(output: Path) -> Iterator[None]:
    """The disk's errors meanwhile are of the output, not of the data folder: INVALID_OUTPUT, DISK_FULL."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            remedy = "Free some space, or name a folder on another disk with -o; what was made is kept."
            raise ClipmillError("DISK_FULL", f"No space is left on the disk of {output}.", remedy) from error
        if error.strerror is None:
            raise
        raise ClipmillError(
            "INVALID_OUTPUT", f"{output} cannot be written: {error.strerror}.", "Name another folder with -o."
        ) from error


async def heard_by(job: Job, client: Client) -> GetTranscriptResponse:
    """What this job heard: of what lies outside of its ranges nothing will ever come, so nobody waits for it."""
    if not job.options.ranges:
        return await client.heard(job.video_id, job_id=job.job_id)
    heard = GetTranscriptResponse()
    for span in sorted(job.options.ranges, key=lambda span: span.start_s):
        said = await client.heard(job.video_id, span.start_s, span.end_s, job.job_id)
        heard.language = heard.language or said.language
        # Ranges may overlap.
        word_s = max((word.start_s for word in heard.words), default=-1.0)
        event_s = max((event.range.start_s for event in heard.events), default=-1.0)
        heard.words.extend(word for word in said.words if word.start_s > word_s)
        heard.events.extend(event for event in said.events if event.range.start_s > event_s)
    return heard


def _finish(folder: Path, output: Path, result: ResultRecord, heard: GetTranscriptResponse) -> None:
    events = list(_events(heard.events, [TimeRange(end_s=result.source.duration_s)]))
    (folder / "report.html").write_text(report(result, list(heard.words), events), encoding="utf-8")
    (folder / "clips.json").write_text(result.model_dump_json(indent=2), encoding="utf-8")
    _remove_former(output)
    # clips.json last: where it is, all is.
    for path in sorted(folder.iterdir(), key=lambda path: path.name == "clips.json"):
        path.replace(output / path.name)


def _remove_former(output: Path) -> None:
    """Remove the files that an earlier result in this folder names, and nothing else."""
    former = output / "clips.json"
    with contextlib.suppress(FileNotFoundError, ValueError):
        result = ResultRecord.model_validate(json.loads(former.read_text(encoding="utf-8")))
        for clip in result.clips:
            for name in (clip.video, clip.thumbnail, clip.subtitles, *clip.files):
                if name and "/" not in name:
                    (output / name).unlink(missing_ok=True)
        former.unlink()


def result_of(job: Job, clips: list[Clip], heard: GetTranscriptResponse) -> ResultRecord:
    """The result of a finished job, with file names given by rank."""
    info = job.info
    coarse = coarse_in(heard.language) if job.options.finish.masking else None
    source = SourceRecord(
        name=job.source.name or Path(job.source.path or job.source.url).name,
        path=job.source.path or None,
        url=job.source.url or None,
        sha256=job.video_source.sha256,
        size_bytes=job.video_source.size_bytes,
        duration_s=info.duration_s,
        width=info.video.display_width,
        height=info.video.display_height,
        fps=info.video.fps,
        video_codec=info.video.codec,
        audio_codec=info.audio.codec if info.HasField("audio") else None,
    )
    return ResultRecord(
        clipmill_version=importlib.metadata.version("clipmill"),
        job_id=job.job_id,
        source=source,
        options=_options(job.options),
        language=heard.language or None,
        models=tuple(ModelRecord(task=m.task, name=m.name, version=m.version, reason=m.reason) for m in job.models),
        cached=job.cached,
        shared=tuple(
            SharedRecord(
                part="audio" if each.stage == Stage.STAGE_AUDIO else "vision",
                parts=each.parts,
                video_id=each.video_id,
                name=each.name,
                offset_s=round(each.offset_s, 3),
                saved_s=round(each.saved_s, 3),
            )
            for each in job.shared
        ),
        clips=tuple(_clip(clip, number, heard, coarse) for number, clip in enumerate(clips, 1)),
        shortages=tuple(ShortageRecord(code=s.code, message=s.message, remedy=s.remedy) for s in job.shortages),
        warnings=tuple(WarningRecord(code=w.code, message=w.message, part=w.part) for w in job.warnings),
    )


def _options(pinned: ClipOptions) -> OptionsRecord:
    return OptionsRecord(
        clips=pinned.clips,
        min_s=pinned.min_s,
        max_s=pinned.max_s,
        aspect=_name(ASPECTS, pinned.aspect),
        layout=_name(LAYOUTS, pinned.layout) if pinned.layout else "fill",
        language=pinned.language,
        captions=_name(CAPTIONS, pinned.captions),
        caption_style=pinned.finish.look.name or None,
        exports=tuple(pinned.finish.exports),
        brand=_brand(pinned.finish.brand) if pinned.finish.HasField("brand") else None,
        music=pinned.finish.music.sound.sha256 or None,
        music_below_lu=pinned.finish.music.below_lu if pinned.finish.music.HasField("below_lu") else None,
        cut_fillers=pinned.finish.cut_fillers,
        cut_pauses_s=pinned.finish.cut_pauses_s or None,
        mask_profanity=next((name for name, value in MASKINGS.items() if value == pinned.finish.masking), None),
        profile=_name(PROFILES, pinned.profile),
        speakers=pinned.speakers or "off",
        platform=pinned.platform or None,
        about=pinned.about or None,
        genre=_name(GENRES, pinned.genre) if pinned.genre else None,
        ranges=tuple(RangeRecord(start_s=span.start_s, end_s=span.end_s) for span in pinned.ranges),
    )


def _brand(brand: Brand) -> BrandRecord:
    return BrandRecord(
        name=brand.name,
        logo=brand.logo.picture.sha256 or None,
        intro=brand.intro.file.sha256 or None,
        outro=brand.outro.file.sha256 or None,
    )


def _branded(made: Branded) -> BrandedRecord:
    corner = Logo.Corner.Name(made.logo).removeprefix("CORNER_").lower().replace("_", "-") if made.logo else None
    return BrandedRecord(starts_s=made.clip.start_s, ends_s=made.clip.end_s, logo=corner, music=made.music)


def _name(names: Mapping[str, int], value: int) -> str:
    return next(name for name, known in names.items() if known == value)


def _clip(clip: Clip, number: int, heard: GetTranscriptResponse, coarse: re.Pattern[str] | None) -> ClipRecord:
    scored, made = clip.scored, clip.rendering
    span, pieces = scored.head.range, pieces_of(scored.head)
    return ClipRecord(
        rank=number,
        clip_id=scored.head.clip_id,
        title=scored.head.title,
        reason=scored.reason,
        score=scored.head.score,
        base=scored.base,
        features=tuple(
            FeatureRecord(name=f.name, unit=f.unit, version=f.version, value=f.value, added=f.added)
            for f in scored.features
        ),
        sub_scores=_sub_scores(scored.sub_scores),
        standing=(
            StandingRecord(percent=scored.in_video.percent, passages=scored.in_video.passages)
            if scored.HasField("in_video")
            else None
        ),
        keywords=tuple(scored.keywords),
        hashtags=tuple(scored.hashtags),
        start_s=span.start_s,
        end_s=span.end_s,
        pieces=tuple(RangeRecord(start_s=piece.start_s, end_s=piece.end_s) for piece in scored.head.pieces),
        duration_s=made.duration_s,
        video=f"clip-{number:02d}.mp4",
        subtitles=f"clip-{number:02d}.srt" if made.HasField("subtitles") else None,
        files=tuple(f"clip-{number:02d}.{file.suffix}" for file in made.files),
        left_out=tuple(
            LeftOutRecord(start_s=gap.range.start_s, end_s=gap.range.end_s, what=gap.what) for gap in made.left_out
        ),
        thumbnail=f"clip-{number:02d}.jpg",
        width=made.width,
        height=made.height,
        loudness_lufs=made.loudness_lufs if made.HasField("loudness_lufs") else None,
        text=scored.text,
        words=tuple(
            _word(w, scored.turns, coarse)
            for w in heard.words
            if any(w.end_s > piece.start_s and w.start_s < piece.end_s for piece in pieces)
        ),
        turns=tuple(
            TurnRecord(speaker=turn.speaker, start_s=part.start_s, end_s=part.end_s, confidence=turn.confidence)
            for turn in scored.turns
            for part in shared(turn.range, pieces)
        ),
        people=tuple(_person(person) for person in scored.people),
        described=tuple(
            ShotTextRecord(start_s=shot.range.start_s, end_s=shot.range.end_s, text=shot.text)
            for shot in scored.described
        ),
        events=tuple(_events(heard.events, pieces)),
        layouts=tuple(_layout(shot) for shot in made.layouts),
        branded=_branded(made.branded) if made.HasField("branded") else None,
        warnings=tuple(WarningRecord(code=w.code, message=w.message, part=w.part) for w in made.warnings),
    )


def _layout(shot: ShotLayout) -> LayoutRecord:
    name = Layout.Name(shot.layout).removeprefix("LAYOUT_").lower()
    return LayoutRecord.model_validate(
        {"start_s": shot.range.start_s, "end_s": shot.range.end_s, "layout": name, "reason": shot.reason}
    )


def _events(events: Iterable[SoundEvent], pieces: Sequence[TimeRange]) -> Iterator[EventRecord]:
    for event in events:
        confidence = event.confidence if event.HasField("confidence") else None
        for part in shared(event.range, pieces) if event.kind in EVENTS else ():
            kind = EVENTS[event.kind]
            yield EventRecord(kind=kind, start_s=part.start_s, end_s=part.end_s, confidence=confidence)


def _sub_scores(parts: SubScores) -> SubScoresRecord:
    return SubScoresRecord(
        hook=parts.hook if parts.HasField("hook") else None,
        flow=parts.flow if parts.HasField("flow") else None,
        value=parts.value if parts.HasField("value") else None,
    )


def _person(person: ClipPerson) -> PersonRecord:
    is_heard = person.HasField("speaker")
    return PersonRecord(
        person=person.person,
        share=person.share,
        speaker=person.speaker if is_heard else None,
        speaker_confidence=person.speaker_confidence if is_heard else None,
        speaks=tuple(
            SpeaksRecord(start_s=turn.range.start_s, end_s=turn.range.end_s, confidence=turn.confidence)
            for turn in person.speaks
        ),
    )


def _word(word: Word, turns: Iterable[SpeakerTurn], coarse: re.Pattern[str] | None) -> WordRecord:
    return WordRecord(
        text=covered(word.text, coarse) if coarse else word.text,
        start_s=word.start_s,
        end_s=word.end_s,
        timing=TIMINGS.get(word.timing, "unknown"),
        speaker=speaker_of(word, turns),
    )
