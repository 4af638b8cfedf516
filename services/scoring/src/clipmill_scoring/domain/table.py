"""All candidates of a video with what was measured of them: what ranking them needs, now or later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from clipmill_scoring.domain.diversity import Selection, select_diverse
from clipmill_scoring.domain.explain import Added, reason, title
from clipmill_scoring.domain.features.definition import Columns
from clipmill_scoring.domain.features.shape import hooks
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.score import WEIGHTS, Weight, added, total, weights_for
from clipmill_scoring.domain.spans import Spans
from clipmill_scoring.domain.standing import Standing, standing
from clipmill_scoring.domain.subscores import SubScores, sub_scores
from clipmill_scoring.domain.timeline import Floats, Ints, Word
from clipmill_scoring.domain.words import marks

Weights = Mapping[str, Weight]


@dataclass(frozen=True)
class Clip:
    """A chosen clip: score == BASE plus the points of `features`, added in order.

    `pieces` are the two ranges that it is made of, in seconds, where there are two; else empty.
    """

    clip_id: str
    start_s: float
    end_s: float
    pieces: Spans
    score: float
    title: str
    reason: str
    text: str
    features: tuple[Added, ...]
    sub_scores: SubScores
    keywords: tuple[str, ...]
    # Among all candidates.
    standing: Standing | None = None


@dataclass(frozen=True)
class Table:
    """n candidates: candidate k covers [start_s[k], end_s[k]) and says the words first_word[k] to last_word[k] - 1.

    Of those of two pieces, which come last, `cut_s` has what each leaves out, seconds [m, 2], and `cut_words` the first
    word left out and the one after the last.
    """

    video_id: str
    language: str
    words: tuple[Word, ...]
    start_s: Floats
    end_s: Floats
    first_word: Ints
    last_word: Ints
    values: Columns
    said: Said
    cut_s: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    cut_words: Ints = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    # How many more there were, of lower scores.
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.start_s)

    def best(self, score: Floats, at_most: int) -> Table:
        """Those of the highest scores, in their order here."""
        if len(self) <= at_most:
            return self
        kept = np.sort(np.argpartition(-score, at_most)[:at_most])
        joined = kept[kept >= self.plain] - self.plain
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
            self.cut_s[joined],
            self.cut_words[joined],
            left_out=self.left_out + len(self) - at_most,
        )

    @property
    def plain(self) -> int:
        """How many are of one piece."""
        return len(self) - len(self.cut_s)

    def spans(self, k: int) -> Spans:
        """Candidate k's ranges, in seconds: one, or two."""
        start_s, end_s = float(self.start_s[k]), float(self.end_s[k])
        if k < self.plain:
            return ((start_s, end_s),)
        left_s, back_s = self.cut_s[k - self.plain].tolist()
        return (start_s, left_s), (back_s, end_s)

    def said_by(self, k: int) -> list[tuple[int, int]]:
        """The runs of words, from the first to the one after the last, that candidate k says."""
        begin, end = int(self.first_word[k]), int(self.last_word[k])
        if k < self.plain:
            return [(begin, end)]
        left, back = self.cut_words[k - self.plain].tolist()
        return [(begin, left), (back, end)]

    @property
    def intervals(self) -> tuple[Floats, Floats, Floats]:
        """Starts and ends, of those of two pieces the longer one's; and the other piece, [n, 2], empty for the rest."""
        start_s, end_s, second = self.start_s.copy(), self.end_s.copy(), np.zeros((len(self), 2))
        begin_s, finish_s = self.start_s[self.plain :], self.end_s[self.plain :]
        early = np.stack((begin_s, self.cut_s[:, 0]), axis=1)
        late = np.stack((self.cut_s[:, 1], finish_s), axis=1)
        is_early = (early[:, 1] - early[:, 0] >= late[:, 1] - late[:, 0])[:, None]
        longer = np.where(is_early, early, late)
        start_s[self.plain :], end_s[self.plain :] = longer.T
        second[self.plain :] = np.where(is_early, late, early)
        return start_s, end_s, second


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
        start_s, end_s, second = table.intervals
        selection = select_diverse(start_s, end_s, self.score, table.said, clips, second=second)
        return selection, sorted(selection.chosen.tolist(), key=lambda k: (-self.score[k], table.start_s[k]))

    def clip(self, k: int, keywords: Keywords) -> Clip:
        """Candidate k with all that is told of it. `keywords` are of the table's words."""
        table = self.table
        spans, runs = table.spans(k), table.said_by(k)
        start_s, end_s = spans[0][0], spans[-1][1]
        words = [word for begin, end in runs for word in table.words[begin:end]]
        features = self.features(k)
        return Clip(
            clip_id=clip_id(table.video_id, *spans),
            start_s=start_s,
            end_s=end_s,
            pieces=spans if len(spans) > 1 else (),
            score=float(self.score[k]),
            title=_title(words) or f"{_clock(start_s)} to {_clock(end_s)}",
            reason=reason(features),
            text=_text(words),
            features=features,
            sub_scores=sub_scores(features, self.weights),
            keywords=keywords.of(*runs),
            standing=standing(float(self.score[k]), self.score, more=table.left_out),
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


def clip_id(video_id: str, *spans: tuple[float, float]) -> str:
    """The same for the same ranges of the same video, to the millisecond, whoever asks and whenever."""
    edges = (str(round(time_s * 1000)) for span in spans for time_s in span)
    return hashlib.sha256("\x1f".join((video_id, *edges)).encode()).hexdigest()[:24]


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
