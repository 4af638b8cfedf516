"""GetFeatures: what is asked of the store, in messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill_scoring.domain.history import Found, Status
from clipmill_scoring.feature_store.store import ClipAt, FeatureStore
from clipmill_shared.errors import ClipmillError

MAX_CLIPS = 1000
MAX_VIDEOS = 50
_STATUS = {
    Status.KNOWN: pb.KnownFeature.STATUS_KNOWN,
    Status.UNKNOWN: pb.KnownFeature.STATUS_UNKNOWN,
    Status.EXPIRED: pb.KnownFeature.STATUS_EXPIRED,
    Status.MISSING: pb.KnownFeature.STATUS_MISSING,
}


def features_of(store: FeatureStore | None, request: pb.GetFeaturesRequest) -> FeatureStore:
    """The store, for a request that can be answered. Errors: FEATURES_NOT_KEPT, INVALID_OPTIONS."""
    if store is None:
        raise ClipmillError(
            "FEATURES_NOT_KEPT", "No features are kept here.", "Set scoring.features_url, and score a video."
        )
    _checked(store, request)
    return store


async def answered(store: FeatureStore, owner_id: str, request: pb.GetFeaturesRequest) -> pb.GetFeaturesResponse:
    """The answer to a request of `features_of`."""
    features = _checked(store, request)
    clips = [
        ClipAt(each.video_id, each.clip_id, each.at.ToNanoseconds() / 1e9 if each.HasField("at") else None)
        for each in request.clips
    ]
    found = await store.known(owner_id, request.entity, clips, features, backfilled=request.backfilled)
    now_s = store.now_s()
    return pb.GetFeaturesResponse(
        clips=[
            _message(store, clip.clip_id, each, now_s if clip.at_s is None else clip.at_s)
            for clip, each in zip(clips, found, strict=True)
        ]
    )


def _checked(store: FeatureStore, request: pb.GetFeaturesRequest) -> list[str]:
    """The names of the features that are asked for."""
    if request.entity not in store.pipeline.entities:
        there = " and ".join(store.pipeline.entities)
        raise ClipmillError("INVALID_OPTIONS", f"Nothing is kept of {request.entity[:100]!r}.", f"Ask for {there}.")
    kept = store.pipeline.entities[request.entity].ttl_s
    if unknown := [name for name in request.features if name not in kept]:
        raise ClipmillError(
            "INVALID_OPTIONS", f"No feature {unknown[0][:100]!r} is kept of a {request.entity}.",
            f"There are {', '.join(kept)}.",
        )  # fmt: skip
    videos = len({each.video_id for each in request.clips})
    if len(request.clips) > MAX_CLIPS or videos > MAX_VIDEOS:
        raise ClipmillError(
            "INVALID_OPTIONS", f"{len(request.clips)} clips of {videos} videos are too many.",
            f"Ask for {MAX_CLIPS} of {MAX_VIDEOS} at most; docs/features.md says how to read more.",
        )  # fmt: skip
    return list(dict.fromkeys(request.features)) or list(kept)


def _message(store: FeatureStore, clip_id: str, found: Sequence[Found], at_s: float) -> pb.KnownFeatures:
    message = pb.KnownFeatures(clip_id=clip_id)
    for each in found:
        unit = store.definitions[each.feature].unit
        feature = message.features.add(name=each.feature, unit=unit, status=_STATUS[each.status])
        if each.status is Status.KNOWN:
            feature.value = each.value
        if not math.isnan(each.event_s):
            feature.version, feature.job_id, feature.age_s = each.version, each.job_id, at_s - each.event_s
            feature.event_time.FromNanoseconds(round(each.event_s * 1e6) * 1000)
    return message
