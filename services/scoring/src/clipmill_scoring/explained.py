"""A chosen clip as a message: its score and what made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from clipmill.clips.v1 import clips_pb2 as pb
from clipmill.clips.v1.clips_pb2 import ClipHead, FeatureValue, ScoredClip, SubScores
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.profanity import coarse_in, covered
from clipmill_scoring.domain.features.registry import BY_NAME
from clipmill_scoring.domain.formula import BASE
from clipmill_scoring.domain.keywords import hashtags
from clipmill_scoring.domain.standing import Standing
from clipmill_scoring.domain.table import Clip


def without_coarse(clip: Clip, language: str) -> Clip:
    """The same with coarse words covered; a keyword that is one is none."""
    coarse = coarse_in(language)
    return replace(
        clip,
        title=covered(clip.title, coarse),
        text=covered(clip.text, coarse),
        keywords=tuple(keyword for keyword in clip.keywords if not coarse.search(keyword)),
    )


def scored_clip(clip: Clip, rank: int, learned: Mapping[str, float] | None = None) -> ScoredClip:
    """`learned`: of each feature's points those that were learnt; None where nothing was."""
    parts = clip.sub_scores
    made = ScoredClip(
        head=ClipHead(
            clip_id=clip.clip_id,
            rank=rank,
            range=TimeRange(start_s=clip.start_s, end_s=clip.end_s),
            score=clip.score,
            title=clip.title,
            pieces=[TimeRange(start_s=start_s, end_s=end_s) for start_s, end_s in clip.pieces],
        ),
        base=BASE,
        features=[
            FeatureValue(
                name=added.name,
                unit=BY_NAME[added.name].unit,
                version=BY_NAME[added.name].version,
                value=added.value,
                added=added.points,
                learned=None if learned is None else learned[added.name],
            )
            for added in clip.features
        ],
        reason=clip.reason,
        text=clip.text,
        sub_scores=SubScores(hook=parts.hook, flow=parts.flow, value=parts.value),
        keywords=clip.keywords,
        hashtags=hashtags(clip.keywords),
    )
    if clip.standing:
        made.in_video.CopyFrom(standing_message(clip.standing))
    return made


def standing_message(standing: Standing) -> pb.Standing:
    return pb.Standing(percent=standing.percent, passages=standing.passages, videos=standing.videos)
