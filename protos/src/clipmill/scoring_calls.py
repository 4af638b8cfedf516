"""ScoringService by a client that is connected to it.

async with Client("127.0.0.1:7431") as client:
    anew = await ScoringCalls(client).score_clips(job_id)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clipmill.client import Client
from clipmill.clips.v1.clips_pb2 import Genre
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill.scoring.v1.scoring_pb2_grpc import ScoringServiceStub


class ScoringCalls:
    """Every failure is a ClipmillRpcError that says what to do, as with the client's own calls."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub: Any = ScoringServiceStub(client._channel)

    async def score_clips(
        self, job_id: str, *, clips: int = 0, genre: int = Genre.GENRE_UNSPECIFIED, plain: bool = False
    ) -> pb.ScoreClipsResponse:
        """Rank a finished job's candidates by what is known now; without what was learnt where `plain`."""
        request = pb.ScoreClipsRequest(job_id=job_id, clips=clips, genre=Genre.ValueType(genre), plain=plain)
        response: pb.ScoreClipsResponse = await self._client._call(self._stub.ScoreClips, request)
        return response

    async def check_features(self, job_id: str) -> pb.CheckFeaturesResponse:
        """Have a finished job's candidates measured again, and compared with what was served."""
        request = pb.CheckFeaturesRequest(job_id=job_id)
        response: pb.CheckFeaturesResponse = await self._client._call(self._stub.CheckFeatures, request)
        return response

    async def feature_checks(self) -> list[pb.FeatureCheck]:
        """What the last checks found that ran by themselves, the newest first."""
        response: pb.ListFeatureChecksResponse = await self._client._call(
            self._stub.ListFeatureChecks, pb.ListFeatureChecksRequest()
        )
        return list(response.checks)

    async def features(
        self,
        clips: Iterable[pb.ClipAt],
        names: Iterable[str] = (),
        *,
        entity: str = "clip",
        backfilled: bool = False,
    ) -> list[pb.KnownFeatures]:
        """Features of clips (at most 1,000, of 50 videos) as they are now, or were known at each one's time.

        Without names all that are kept. The answer is in the order of `clips`.
        """
        request = pb.GetFeaturesRequest(entity=entity, clips=clips, features=names, backfilled=backfilled)
        response: pb.GetFeaturesResponse = await self._client._call(self._stub.GetFeatures, request)
        return list(response.clips)

    async def export_outcomes(self) -> pb.ExportOutcomesResponse:
        """What became of the owner's clips, as a training set."""
        request = pb.ExportOutcomesRequest()
        response: pb.ExportOutcomesResponse = await self._client._call(self._stub.ExportOutcomes, request)
        return response

    async def preferences(self) -> pb.GetPreferencesResponse:
        """What the owner's viewers and editors have taught."""
        request = pb.GetPreferencesRequest()
        response: pb.GetPreferencesResponse = await self._client._call(self._stub.GetPreferences, request)
        return response

    async def reset_preferences(self) -> int:
        """Forget it; how many events that were."""
        request = pb.ResetPreferencesRequest()
        response: pb.ResetPreferencesResponse = await self._client._call(self._stub.ResetPreferences, request)
        return response.events_forgotten
