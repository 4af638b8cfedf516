"""A scoring task in, the scored clips out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill.clips.v1.clips_pb2 import (
    ClipHead,
    ClipsScored,
    FeatureValue,
    ScoredClip,
    ScoredClips,
    ScoringTask,
    Shortage,
)
from clipmill.common.v1 import common_pb2
from clipmill.common.v1.common_pb2 import ModelVersion, TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis
from clipmill.work.v1.work_pb2 import STAGE_SCORING, Answer
from clipmill_scoring.domain.formula import BASE, FORMULA_VERSION
from clipmill_shared.blobs import Blobs
from clipmill_shared.work import Report, StageWork

if TYPE_CHECKING:
    from clipmill_scoring.domain.choose import Choice, Clip


class Scoring:
    """Scores in a thread: most of it is numpy, which lets the event loop run meanwhile."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    @property
    def stage(self) -> StageWork[ScoringTask, ClipsScored]:
        return StageWork(
            stage=STAGE_SCORING,
            name="scoring",
            tasks=topics.SCORING_TASKS,
            results=topics.CLIPS_SCORED,
            version=FORMULA_VERSION,
            work=self.score,
        )

    async def score(self, task: ScoringTask, report: Report) -> ClipsScored:
        """The result of a task, without header. Fewer clips than asked for, or none, is a result with its reasons."""
        audio = [await self._blobs.get_message(ref, AudioAnalysis) for ref in task.audio]
        vision = [await self._blobs.get_message(ref, VisionAnalysis) for ref in task.vision]
        report(0.2)
        choice = await asyncio.to_thread(_choose, task, audio, vision)
        report(0.9)
        clips = [_scored_clip(clip, rank) for rank, clip in enumerate(choice.clips, start=1)]
        scored = ScoredClips(
            video_id=task.video_id, clips=clips, candidates=choice.candidates, formula_version=FORMULA_VERSION
        )
        return ClipsScored(
            answer=Answer(
                models=[ModelVersion(task="scoring", name="clipmill-additive", version=FORMULA_VERSION)],
                warnings=[common_pb2.Warning(code=d.code, message=d.message, part="scoring") for d in choice.doubts],
            ),
            video_id=task.video_id,
            scored=await self._blobs.put_message(task.task.owner_id, scored),
            clips=[clip.head for clip in clips],
            shortages=[Shortage(code=s.code, message=s.message, remedy=s.remedy) for s in choice.shortages],
        )


def _choose(task: ScoringTask, audio: list[AudioAnalysis], vision: list[VisionAnalysis]) -> Choice:
    # Imported in the thread of the first task: numpy would hold up the start of every run by a fifth of a second.
    from clipmill_scoring.domain.choose import choose
    from clipmill_scoring.domain.shortage import Ask
    from clipmill_scoring.domain.timeline import merge

    timeline = merge(task.info.duration_s, audio, vision)
    return choose(task.video_id, timeline, Ask(task.clips, task.min_s, task.max_s))


def _scored_clip(clip: Clip, rank: int) -> ScoredClip:
    from clipmill_scoring.domain.features import BY_NAME

    return ScoredClip(
        head=ClipHead(
            clip_id=clip.clip_id,
            rank=rank,
            range=TimeRange(start_s=clip.start_s, end_s=clip.end_s),
            score=clip.score,
            title=clip.title,
        ),
        base=BASE,
        features=[
            FeatureValue(
                name=added.name,
                unit=BY_NAME[added.name].unit,
                version=BY_NAME[added.name].version,
                value=added.value,
                added=added.points,
            )
            for added in clip.features
        ],
        reason=clip.reason,
        text=clip.text,
    )
