"""ScoringService: gRPC in, clips ranked anew out. Another owner's jobs are not found."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from clipmill.clips.v1.clips_pb2 import Genre
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill.scoring.v1.scoring_pb2_grpc import ScoringServiceServicer
from clipmill_scoring import store
from clipmill_scoring.consistency import compared
from clipmill_scoring.domain.formula import FORMULA_VERSION
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.feature_store.answering import answered, features_of
from clipmill_scoring.feature_store.store import FeatureStore
from clipmill_scoring.handlers import Scoring
from clipmill_scoring.learning import believed, served_of
from clipmill_scoring.reranking import Belief, Tables, reranked
from clipmill_scoring.served import ServedLog, checks_of, sample_of, samples_of
from clipmill_scoring.tabled import genre_name
from clipmill_shared.blobs import Blobs
from clipmill_shared.cautions import cautions
from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc.auth import owner_of
from clipmill_shared.sql import Database, serial

MAX_CLIPS = 1000
# A training set of so many has 30 MB.
MAX_EXPORTED = 100_000


class ScoringServicer(ScoringServiceServicer):
    def __init__(
        self, database: Database, blobs: Blobs, scoring: Scoring, served: ServedLog, features: FeatureStore | None
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._scoring = scoring
        self._tables = Tables(blobs)
        self._features = features
        self._served = served

    async def ScoreClips(self, request: pb.ScoreClipsRequest, context: Any) -> pb.ScoreClipsResponse:  # noqa: N802
        owner_id = owner_of(context)
        _check(request)
        async with self._database.reading() as on:
            ref = await store.candidates_of(on, owner_id, request.job_id)
            preferences, learned = await believed(on, owner_id)
            known = await store.known_of(on, owner_id)
        kept = await self._tables.of(_found(ref, request.job_id))
        async with self._database.reading() as on:
            others = await store.others_of(on, owner_id, kept.table.video_id, FORMULA_VERSION)
        is_taught = learned.all_events > 0 and not request.plain
        belief = Belief(preferences if is_taught else None, known, others)
        clips = await asyncio.to_thread(reranked, kept, belief, request.clips, genre_name(request.genre))
        await self._remember(owner_id, kept.table.video_id, clips)
        for clip in clips:
            self._served.note(sample_of(owner_id, request.job_id, kept.table.video_id, clip, time.time()))
        return pb.ScoreClipsResponse(
            clips=clips, candidates=len(kept.table), formula_version=FORMULA_VERSION, learned=learned
        )

    async def CheckFeatures(  # noqa: N802
        self, request: pb.CheckFeaturesRequest, context: Any
    ) -> pb.CheckFeaturesResponse:
        async with self._database.reading() as on:
            ref = await store.candidates_of(on, owner_of(context), request.job_id)
        served = await self._blobs.get_message(_found(ref, request.job_id), pb.CandidateTable)
        with cautions(served.task.pinned):
            chosen = await self._scoring.choose(served.task, lambda _: None)
        return await asyncio.to_thread(compared, served, pb.CandidateTable.FromString(chosen.candidates))

    async def GetFeatures(self, request: pb.GetFeaturesRequest, context: Any) -> pb.GetFeaturesResponse:  # noqa: N802
        owner_id = owner_of(context)
        features = features_of(self._features, request)
        if unsaid := {each.clip_id for each in request.clips if not each.video_id}:
            async with self._database.reading() as on:
                videos = await store.videos_of(on, owner_id, unsaid)
            for each in request.clips:
                each.video_id = each.video_id or videos.get(each.clip_id, "")
        answer = await answered(features, owner_id, request)
        for asked, clip in zip(request.clips, answer.clips, strict=True):
            for sample in samples_of(owner_id, asked.video_id, clip, time.time()):
                self._served.note(sample)
        return answer

    async def ListFeatureChecks(  # noqa: N802
        self, _request: pb.ListFeatureChecksRequest, context: Any
    ) -> pb.ListFeatureChecksResponse:
        async with self._database.reading() as on:
            return pb.ListFeatureChecksResponse(checks=await checks_of(on, owner_of(context)))

    async def GetPreferences(  # noqa: N802
        self, _request: pb.GetPreferencesRequest, context: Any
    ) -> pb.GetPreferencesResponse:
        async with self._database.reading() as on:
            preferences, learned = await believed(on, owner_of(context))
        points = preferences.points
        return pb.GetPreferencesResponse(
            learned=learned,
            preferences=[
                pb.Preference(feature=name, points=round(points[name], 2), plain_points=weight.points)
                for name, weight in WEIGHTS.items()
            ],
        )

    async def ResetPreferences(  # noqa: N802
        self, _request: pb.ResetPreferencesRequest, context: Any
    ) -> pb.ResetPreferencesResponse:
        owner_id = owner_of(context)
        async with self._database.transaction() as on:
            await serial(on, "preferences")
            forgotten = (await store.preferences_of(on, owner_id)).get(owner_id)
            await store.forget_preferences(on, owner_id)
        return pb.ResetPreferencesResponse(events_forgotten=forgotten.events if forgotten else 0)

    async def ExportOutcomes(  # noqa: N802
        self, _request: pb.ExportOutcomesRequest, context: Any
    ) -> pb.ExportOutcomesResponse:
        owner_id, names = owner_of(context), tuple(WEIGHTS)
        async with self._database.reading() as on:
            known = await store.known_of(on, owner_id, MAX_EXPORTED)
        table = pb.OutcomeTable(
            names=names,
            vectors=known.vectors.ravel().tolist(),
            good=known.good.tolist(),
            weight=known.weight.tolist(),
            formula_version=FORMULA_VERSION,
        )
        table.exported_at.GetCurrentTime()
        outcomes = await self._blobs.put_message(owner_id, table)
        return pb.ExportOutcomesResponse(outcomes=outcomes, clips=len(known.good))

    async def _remember(self, owner_id: str, video_id: str, clips: list[Any]) -> None:
        """Keep clips that come up for the first time, so that events about them are understood."""
        async with self._database.reading() as on:
            new = await store.unknown_of(on, owner_id, [clip.head.clip_id for clip in clips])
        if new:
            served = [served_of(video_id, clip) for clip in clips if clip.head.clip_id in new]
            async with self._database.transaction() as on:
                await store.add_clips(on, owner_id, served, time.time())


def _found(ref: BlobRef | None, job_id: str) -> BlobRef:
    if ref is None:
        raise ClipmillError(
            "JOB_NOT_FOUND",
            f"No candidates are kept of a job {job_id[:100]}.",
            "Ask when the job has chosen its clips; `clipmill jobs` names your jobs.",
        )
    return ref


def _check(request: pb.ScoreClipsRequest) -> None:
    if request.clips > MAX_CLIPS:
        raise ClipmillError("INVALID_OPTIONS", f"{request.clips} clips are too many.", f"Ask for {MAX_CLIPS} at most.")
    if request.genre not in Genre.values():
        raise ClipmillError(
            "INVALID_OPTIONS", f"genre {request.genre} is not known.", "Use a value of this version's API."
        )
