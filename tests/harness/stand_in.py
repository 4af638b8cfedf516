"""The declared stand-in executor: workers whose work is a pause, for tests of everything around the work.

Each stage's `work` gives a valid result that follows from the task's content, without a model or a decoder, and writes
small blobs as the real one writes large ones. All else is the product's own code: Worker, leases, cache, ledger,
catalog, bus, gRPC, SQL. It lives in the tests and no configuration of the product leads here.

`STAND_IN_SECONDS` says how long the work of a stage takes ("0.1", or "0.1,render=2"), `STAND_IN_SLOTS` how many tasks a
worker does side by side. With `STAND_IN_NONCE` a rendered video names the execution that made it, so that doing a thing
twice leaves a trace, which determinism would hide.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clipmill_catalog.service
import clipmill_catalog.settings
import clipmill_ingest.service
import clipmill_ingest.settings
from clipmill_ingest.domain.record import derived_id

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioAnalyzed, AudioTask, Word
from clipmill.clips.v1.clips_pb2 import (
    ClipHead,
    ClipRendered,
    ClipsPreviewed,
    ClipsScored,
    RenderTask,
    ScoredClip,
    ScoredClips,
)
from clipmill.common.v1.common_pb2 import BlobRef, ModelVersion, TimeRange
from clipmill.media.v1.media_pb2 import AudioStream, ImportTask, MediaInfo, MediaIngested, VideoStream
from clipmill.vision.v1.vision_pb2 import Shot, VisionAnalysis, VisionAnalyzed
from clipmill.work.v1 import work_pb2
from clipmill.work.v1.work_pb2 import Answer
from clipmill_shared.blobs import Blobs, sha256_of
from clipmill_shared.platform import Platform
from clipmill_shared.service import Service
from clipmill_shared.work import Report, StageWork, Worker

DURATION_S = 90.0
PARTS = (TimeRange(start_s=0, end_s=45), TimeRange(start_s=45, end_s=90))
VERSION = "stand-in-1"
# A file of these first bytes crashes the worker of this stage whenever it is worked on.
POISON = b"poison:"
MODEL = ModelVersion(task="stand-in", name="stand-in", version="1")

Builder = Callable[[Platform], Service]


@dataclass(frozen=True)
class Pace:
    """How long work takes, in seconds, by stage; and how many tasks are worked on side by side."""

    seconds: Mapping[str, float]
    slots: int

    @classmethod
    def of_environment(cls) -> Pace:
        said: dict[str, float] = {}
        for item in os.environ.get("STAND_IN_SECONDS", "0.1").split(","):
            name, _, value = item.rpartition("=")
            said[name] = float(value)
        return cls(said, int(os.environ.get("STAND_IN_SLOTS", "2")))

    async def work(self, stage: str, seed: str, report: Report) -> None:
        """Take between half and one and a half of the stage's time, as the content says."""
        whole_s = self.seconds.get(stage, self.seconds.get("", 0.1)) * (0.5 + random.Random(seed).random())
        for step in range(4):
            await asyncio.sleep(whole_s / 4)
            report((step + 1) / 4)


class StandInImporter:
    """Takes the place of ingest's Importer: any file is a talk of a minute and a half in two parts."""

    def __init__(self, _settings: clipmill_ingest.settings.IngestSettings, blobs: Blobs, *_: Any) -> None:
        self._blobs = blobs
        self._pace = Pace.of_environment()

    @property
    def stage(self) -> StageWork[ImportTask, MediaIngested]:
        return StageWork(
            work_pb2.STAGE_IMPORT,
            "import",
            topics.IMPORT_TASKS,
            topics.MEDIA_INGESTED,
            VERSION,
            self.work,
            content_key=self.content_key,
        )

    async def content_key(self, task: ImportTask, report: Report) -> str:
        return (await self._source(task)).sha256

    async def work(self, task: ImportTask, report: Report) -> MediaIngested:
        source = await self._source(task)
        await self._pace.work("import", source.sha256, report)
        owner_id = task.task.owner_id
        return MediaIngested(
            answer=Answer(models=[MODEL]),
            video_id=derived_id("video", owner_id, source.sha256),
            name=task.source.name,
            source=source,
            info=MediaInfo(
                duration_s=DURATION_S,
                container="stand-in",
                video=VideoStream(codec="none", width=640, height=360, display_width=640, display_height=360, fps=25),
                audio=AudioStream(codec="none", sample_rate_hz=16000, channels=1),
                audio_tracks=1,
                video_tracks=1,
            ),
            speech=await self._blobs.put_bytes(owner_id, _bytes_of(source.sha256, 4096), "audio/flac"),
            audio_parts=PARTS,
            vision_parts=PARTS,
        )

    async def close(self) -> None:
        return None

    async def _source(self, task: ImportTask) -> BlobRef:
        if task.source.HasField("upload"):
            return task.source.upload
        path = Path(task.source.path)
        digest, _ = await asyncio.to_thread(sha256_of, path)
        return await self._blobs.reference_file(path, digest, "video/mp4")


def _audio(blobs: Blobs, pace: Pace) -> StageWork[AudioTask, AudioAnalyzed]:
    async def work(task: AudioTask, report: Report) -> AudioAnalyzed:
        await blobs.get_bytes(task.speech)
        await pace.work("audio", f"{task.speech.sha256}{task.part.start_s}", report)
        words = [
            Word(text=f"word{n}.", start_s=task.part.start_s + n, end_s=task.part.start_s + n + 0.5, ends_sentence=True)
            for n in range(int(task.part.end_s - task.part.start_s))
        ]
        analysis = AudioAnalysis(part=task.part, language="en", words=words, speech=[task.part], models=[MODEL])
        return AudioAnalyzed(
            answer=Answer(models=[MODEL]),
            part=task.part,
            analysis=await blobs.put_message(task.task.owner_id, analysis),
            words=len(words),
            language="en",
            video_id=task.video_id,
            text=" ".join(word.text for word in words),
        )

    return StageWork(work_pb2.STAGE_AUDIO, "audio", topics.AUDIO_TASKS, topics.AUDIO_ANALYZED, VERSION, work)


def _vision(blobs: Blobs, pace: Pace) -> StageWork[Any, VisionAnalyzed]:
    async def work(task: Any, report: Report) -> VisionAnalyzed:
        async with blobs.local(task.source) as path:
            if (await asyncio.to_thread(path.read_bytes)).startswith(POISON + b"vision"):
                os.abort()
        await pace.work("vision", f"{task.source.sha256}{task.part.start_s}", report)
        analysis = VisionAnalysis(part=task.part, shots=[Shot(range=task.part)], models=[MODEL], frames=100)
        return VisionAnalyzed(
            answer=Answer(models=[MODEL]),
            part=task.part,
            analysis=await blobs.put_message(task.task.owner_id, analysis),
            shots=1,
            video_id=task.video_id,
        )

    return StageWork(work_pb2.STAGE_VISION, "vision", topics.VISION_TASKS, topics.VISION_ANALYZED, VERSION, work)


def _scoring(blobs: Blobs, pace: Pace) -> StageWork[Any, ClipsScored]:
    async def work(task: Any, report: Report) -> ClipsScored:
        heard = [await blobs.get_message(ref, AudioAnalysis) for ref in task.audio]
        seen = [await blobs.get_message(ref, VisionAnalysis) for ref in task.vision]
        # Those of a live source are named otherwise, and are as many as there were.
        assert task.heard or len(heard) == len(seen) == len(PARTS)
        await pace.work("scoring", task.video_id, report)
        count = min(1 + random.Random(task.video_id).randrange(3), task.clips)
        heads = [
            ClipHead(
                clip_id=derived_id("clip", task.video_id, n),
                rank=n + 1,
                range=TimeRange(start_s=25 * n, end_s=25 * n + 20),
                score=90 - n,
                title=f"Clip {n + 1}",
            )
            for n in range(count)
        ]
        clips = [ScoredClip(head=head, base=50, reason="A stand-in chose it.") for head in heads]
        scored = ScoredClips(video_id=task.video_id, clips=clips, candidates=9, formula_version=VERSION)
        return ClipsScored(
            answer=Answer(models=[MODEL]),
            video_id=task.video_id,
            scored=await blobs.put_message(task.task.owner_id, scored),
            clips=heads,
        )

    return StageWork(work_pb2.STAGE_SCORING, "scoring", topics.SCORING_TASKS, topics.CLIPS_SCORED, VERSION, work)


def _preview(blobs: Blobs, pace: Pace) -> StageWork[Any, ClipsPreviewed]:
    async def work(task: Any, report: Report) -> ClipsPreviewed:
        await pace.work("preview", task.video_id, report)
        head = ClipHead(clip_id=derived_id("clip", task.video_id, 0), rank=1, range=TimeRange(end_s=5), title="So far")
        return ClipsPreviewed(video_id=task.video_id, clips=[head])

    return StageWork(
        work_pb2.STAGE_PREVIEW, "preview", topics.PREVIEW_TASKS, topics.CLIPS_PREVIEWED, VERSION, work, keeps=False
    )


def _render(blobs: Blobs, pace: Pace) -> StageWork[RenderTask, ClipRendered]:
    async def work(task: RenderTask, report: Report) -> ClipRendered:
        owner_id, clip_id = task.task.owner_id, task.clip.clip_id
        for ref in task.audio:
            await blobs.get_message(ref, AudioAnalysis)
        await pace.work("render", clip_id, report)
        nonce = uuid.uuid4().hex if os.environ.get("STAND_IN_NONCE") else ""
        return ClipRendered(
            answer=Answer(models=[MODEL]),
            video_id=task.video_id,
            clip_id=clip_id,
            video=await blobs.put_bytes(owner_id, _bytes_of(clip_id + nonce, 8192), "video/mp4"),
            subtitles=await blobs.put_bytes(owner_id, f"1\n{clip_id}\n".encode(), "application/x-subrip"),
            thumbnail=await blobs.put_bytes(owner_id, _bytes_of(clip_id, 512), "image/jpeg"),
            width=360,
            height=640,
            duration_s=task.clip.range.end_s - task.clip.range.start_s,
        )

    return StageWork(work_pb2.STAGE_RENDER, "render", topics.RENDER_TASKS, topics.CLIPS_RENDERED, VERSION, work)


def _bytes_of(seed: str, count: int) -> bytes:
    return hashlib.shake_128(seed.encode()).digest(count)


def _worker(name: str, *stages: Callable[[Blobs, Pace], StageWork[Any, Any]]) -> Builder:
    def build(platform: Platform) -> Service:
        pace = Pace.of_environment()
        workers = [
            Worker(stage, platform.bus, platform.blobs, pace.slots, f"{platform.instance}/{stage.name}")
            for stage in (stage_of(platform.blobs, pace) for stage_of in stages)
        ]
        subscriptions = tuple(each for worker in workers for each in worker.subscriptions)
        return Service(name, subscriptions, loops=tuple(worker.report_status for worker in workers))

    return build


def _ingest(platform: Platform) -> Service:
    # Ingest's own import stage is the one that a builder cannot leave out.
    clipmill_ingest.service.Importer = StandInImporter  # type: ignore[misc,assignment]
    return clipmill_ingest.service.build(clipmill_ingest.settings.IngestSettings(), platform)


def _catalog(platform: Platform) -> Service:
    return clipmill_catalog.service.build(clipmill_catalog.settings.CatalogSettings(), platform)


BUILDERS: Mapping[str, Builder] = {
    "ingest": _ingest,
    "catalog": _catalog,
    "audio": _worker("audio", _audio),
    "vision": _worker("vision", _vision),
    "scoring": _worker("scoring", _scoring, _preview),
    "render": _worker("render", _render),
}
