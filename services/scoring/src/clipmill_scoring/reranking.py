"""A job's candidates, ranked anew by what is believed now."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.scoring.v1.scoring_pb2 import CandidateTable
from clipmill_models.clip_scorer import Scorer
from clipmill_scoring.domain import preferences as rules
from clipmill_scoring.domain.formula import BASE
from clipmill_scoring.domain.genres import weights_of
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.outcomes import percentiles
from clipmill_scoring.domain.preferences import Preferences
from clipmill_scoring.domain.registered import weights_from
from clipmill_scoring.domain.score import WEIGHTS, Weight, added, weights_for
from clipmill_scoring.domain.standing import Others
from clipmill_scoring.domain.table import Ranking, Table
from clipmill_scoring.domain.timeline import Floats
from clipmill_scoring.exchange import scorer_of
from clipmill_scoring.explained import scored_clip, standing_message, without_coarse
from clipmill_scoring.store import Known
from clipmill_scoring.tabled import genre_name, table_of
from clipmill_shared.blobs import Blobs
from clipmill_shared.inference.pins import artefact_of

# Of a long talk a table takes 10 MB.
MAX_TABLES = 8


@dataclass(frozen=True)
class Kept:
    """A job's candidates, what its words are about, how many clips it asked for, of which genre; and its weights."""

    table: Table
    keywords: Keywords
    clips: int
    genre: str
    weights: Mapping[str, Weight]
    # Coarse words are covered.
    masks: bool


class Tables:
    """Candidates by their blobs, the last few in memory."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    async def of(self, ref: BlobRef) -> Kept:
        """Errors: BLOB_MISSING, PINNED_VERSION_GONE."""
        if (kept := self._kept.get(ref.uri)) is None:
            message = await self._blobs.get_message(ref, CandidateTable)
            scorer = scorer_of(message.task)
            weights = await artefact_of(self._blobs, scorer) if scorer else b""
            # Of a long talk that takes a good part of a second.
            kept = await asyncio.to_thread(_read, message, weights)
            self._kept[ref.uri] = kept
            while len(self._kept) > MAX_TABLES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(ref.uri)
        return kept


def _read(message: CandidateTable, scorer: bytes) -> Kept:
    table = table_of(message)
    weights = weights_from(Scorer.read(scorer) if scorer else None)
    keywords, genre = Keywords(table.words, table.language), genre_name(message.genre)
    return Kept(table, keywords, message.clips, genre, weights, masks=bool(message.task.masking))


@dataclass(frozen=True)
class Belief:
    """What is believed of an owner: `learned`, None for the plain score; `known` are his clips with outcomes."""

    learned: Preferences | None = None
    known: Known | None = None
    # What is known of his other videos.
    others: Others | None = None


def reranked(kept: Kept, belief: Belief, clips: int, genre: str) -> list[ScoredClip]:
    """The best set of at most `clips`, best first, with what made each score; 0 and "": as was asked for.

    Unless something was learnt of the owner, by the weights that the job had.
    """
    table = kept.table
    genre = genre or kept.genre
    plain = weights_of(genre, kept.weights)
    weights = weights_of(genre, rules.learned_weights(belief.learned)) if belief.learned else plain
    ranking = Ranking.of(table, weights)
    _, ranked = ranking.chosen(clips or kept.clips)
    before = added(table.values, weights_for(table.values.get("about"), plain))
    found: list[ScoredClip] = []
    for rank, k in enumerate(ranked, start=1):
        learned = None
        if belief.learned:
            learned = {
                name: round(float(points[k] - before[name][k]), 2) + 0.0 for name, points in ranking.points.items()
            }
        clip = ranking.clip(k, kept.keywords)
        found.append(scored_clip(without_coarse(clip, table.language) if kept.masks else clip, rank, learned))
    # What was asked for is in no other clip's score.
    # The kept clips' features are counted as the weights set by hand count them.
    is_alike = belief.learned is not None or kept.weights is WEIGHTS
    if is_alike and found and "about" not in table.values:
        points = np.array([weight.points for weight in weights.values()])
        scores = np.array([clip.head.score for clip in found])
        if belief.known is not None:
            _add_percentiles(found, scores, points, belief.known)
        if belief.others is not None:
            _add_standings(found, scores, points, belief.others)
    return found


def _add_percentiles(found: list[ScoredClip], scores: Floats, points: Floats, known: Known) -> None:
    shares = percentiles(scores, BASE + known.vectors[:, 1:] @ points, known.good, known.weight)
    if shares is not None:
        for clip, share in zip(found, shares.tolist(), strict=True):
            clip.percentile = round(share, 1)


def _add_standings(found: list[ScoredClip], scores: Floats, points: Floats, others: Others) -> None:
    for clip, standing in zip(found, others.standings(scores, BASE, points), strict=True):
        if standing:
            clip.in_others.CopyFrom(standing_message(standing))
