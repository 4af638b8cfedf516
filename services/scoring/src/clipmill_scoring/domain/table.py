"""All candidates of a video with what was measured of them: what ranking them needs, now or later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clipmill_scoring.domain.diversity import Selection, select_diverse
from clipmill_scoring.domain.explain import Added, reason, title
from clipmill_scoring.domain.features.definition import Columns
from clipmill_scoring.domain.features.shape import hooks
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.score import WEIGHTS, Weight, added, total, weights_for
from clipmill_scoring.domain.subscores import SubScores, sub_scores
from clipmill_scoring.domain.timeline import Floats, Ints, Word
from clipmill_scoring.domain.words import marks

Weights = Mapping[str, Weight]


@dataclass(frozen=True)
class Clip:
    """A chosen clip: score == BASE plus the points of `features`, added in order."""

    clip_id: str
    start_s: float
    end_s: float
    score: float
    title: str
    reason: str
    text: str
    features: tuple[Added, ...]
    sub_scores: SubScores
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """n candidates: candidate k covers [start_s[k], end_s[k]) and says the words first_word[k] to last_word[k] - 1."""

    video_id: str
    language: str
    words: tuple[Word, ...]
    start_s: Floats
    end_s: Floats
    first_word: Ints
    last_word: Ints
    values: Columns
    said: Said

    def __len__(self) -> int:
        return len(self.start_s)

    def best(self, score: Floats, at_most: int) -> Table:
        """Those of the highest scores, in their order here."""
        if len(self) <= at_most:
            return self
        kept = np.sort(np.argpartition(-score, at_most)[:at_most])
        return Table(
            self.video_id,
            self.language,
            self.words,
            self.start_s[kept],
            self.end_s[kept],
            self.first_word[kept],
            self.last_word[kept],
            {name: values[kept] for name, values in self.values.items()},
            self.said.among(kept),
        )


@dataclass(frozen=True)
class Ranking:
    """A table's candidates by some weights; `plain` are the weights without what was learnt."""

    table: Table
    weights: Weights
    plain: Weights
    points: Columns
    score: Floats

    @classmethod
    def of(cls, table: Table, weights: Weights = WEIGHTS) -> Ranking:
        about = table.values.get("about")
        used = weights_for(about, weights)
        points = added(table.values, used)
        return cls(table, used, weights_for(about), points, total(points))

    def chosen(self, clips: int) -> tuple[Selection, list[int]]:
        """The best set of at most `clips` candidates without overlap; and its members, the best first."""
        table = self.table
        selection = select_diverse(table.start_s, table.end_s, self.score, table.said, clips)
        return selection, sorted(selection.chosen.tolist(), key=lambda k: (-self.score[k], table.start_s[k]))

    def clip(self, k: int, keywords: Keywords) -> Clip:
        """Candidate k with all that is told of it. `keywords` are of the table's words."""
        table = self.table
        start_s, end_s = float(table.start_s[k]), float(table.end_s[k])
        begin, end = int(table.first_word[k]), int(table.last_word[k])
        words = table.words[begin:end]
        features = self.features(k)
        return Clip(
            clip_id=clip_id(table.video_id, start_s, end_s),
            start_s=start_s,
            end_s=end_s,
            score=float(self.score[k]),
            title=_title(words) or f"{_clock(start_s)} to {_clock(end_s)}",
            reason=reason(features),
            text=_text(words),
            features=features,
            sub_scores=sub_scores(features, self.weights),
            keywords=keywords.of(begin, end),
        )

    def features(self, k: int) -> tuple[Added, ...]:
        """What is known of candidate k, and what it added."""
        return tuple(
            Added(
                name,
                float(values[k]),
                float(self.points[name][k]),
                is_turned=self.weights[name].points * self.plain[name].points < 0,
            )
            for name, values in self.table.values.items()
            if not np.isnan(values[k])
        )


def clip_id(video_id: str, start_s: float, end_s: float) -> str:
    """The same for the same range of the same video, to the millisecond, whoever asks and whenever."""
    meaning = f"{video_id}\x1f{round(start_s * 1000)}\x1f{round(end_s * 1000)}"
    return hashlib.sha256(meaning.encode()).hexdigest()[:24]


def _title(words: Sequence[Word]) -> str:
    marked = marks(words)
    edges = np.unique([0, *(np.flatnonzero(marked.ends) + 1), len(words)])
    sentences = [_text(words[begin:end]) for begin, end in pairwise(edges)]
    return title(sentences, hooks(marked, edges[:-1], edges[1:]).tolist())


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(int(time_s), 60)
    return f"{minutes}:{seconds:02d}"
