"""From a timeline to chosen clips: boundaries, candidates, features, score, selection, reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clipmill_scoring.domain.diversity import select_diverse
from clipmill_scoring.domain.doubts import Doubt, of_cuts, of_request, of_selection, of_words
from clipmill_scoring.domain.explain import Added, reason, title
from clipmill_scoring.domain.features.definition import Columns, Seen
from clipmill_scoring.domain.features.registry import columns
from clipmill_scoring.domain.features.shape import hooks
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.material import Material, material, only_about
from clipmill_scoring.domain.meaning import NOTHING_MEANT, Embed, meaning
from clipmill_scoring.domain.sayings import NOTHING_AGAIN, sayings
from clipmill_scoring.domain.score import Weight, added, total, weights_for
from clipmill_scoring.domain.selection import select
from clipmill_scoring.domain.shortage import Ask, Shortage, nothing_more_about, repeating, shortage
from clipmill_scoring.domain.subscores import SubScores, sub_scores
from clipmill_scoring.domain.timeline import Floats, Timeline, Word
from clipmill_scoring.domain.words import NO_VALENCES, Valences, marks


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
class Choice:
    """The clips in order of rank; why there are not more; what to know of them."""

    clips: tuple[Clip, ...]
    candidates: int
    shortages: tuple[Shortage, ...]
    doubts: tuple[Doubt, ...]


def choose(
    video_id: str, timeline: Timeline, ask: Ask, embed: Embed | None, valences: Valences = NO_VALENCES
) -> Choice:
    """The best set of at most `ask.clips` candidates without overlap, as `select_diverse` has it; best clip first.

    `embed` tells what is said again, and what is about the request; None where the language is not one that it knows.
    """
    everything = material(timeline, ask, ask.min_s, ask.max_s)
    heard = embed if everything.spoken else None
    asked = only_about(everything, timeline, ask.about, heard) if ask.about and heard else everything
    meant = meaning(timeline.words, asked.units.first_word, embed) if embed else NOTHING_MEANT
    weighed = _weigh(asked, Seen(timeline, asked.units, asked.these, meant, valences))
    # One clip alone repeats nothing.
    several = ask.clips > 1
    said = sayings(meant).within(asked.first_word, asked.last_word) if several else NOTHING_AGAIN
    selection = select_diverse(asked.these.start_s, asked.these.end_s, weighed.score, said, ask.clips)
    ranked = sorted(selection.chosen.tolist(), key=lambda k: (-weighed.score[k], asked.these.start_s[k]))
    keywords = Keywords(timeline.words, timeline.language)
    short = (
        repeating(ask, len(ranked), _size(asked, weighed, ask.clips) if len(said.run) else 0)
        or (nothing_more_about(ask, len(ranked)) if len(asked.these) < len(everything.these) else None)
        or shortage(
            ask,
            len(ranked),
            timeline.duration_s,
            everything.spoken,
            lambda min_s, max_s: material(timeline, ask, min_s, max_s).these,
        )
    )
    return Choice(
        clips=tuple(_clip(video_id, timeline, weighed, keywords, k) for k in ranked),
        candidates=len(asked.these),
        shortages=(short,) if short else (),
        doubts=(
            *of_request(ask, judged=heard is not None),
            *of_words(timeline, compared=embed is not None or not several),
            *of_cuts(asked.units, asked.these, selection, spoken=asked.spoken, words=bool(timeline.words)),
            *of_selection(asked.these, selection, said),
        ),
    )


@dataclass(frozen=True)
class _Weighed:
    """All candidates with what was measured of them, what it added, and by which weights."""

    material: Material
    values: Columns
    points: Columns
    score: Floats
    weights: Mapping[str, Weight]


def _weigh(found: Material, seen: Seen) -> _Weighed:
    values = columns(seen)
    if found.about is not None:
        values["about"] = found.about
    weights = weights_for(found.about)
    points = added(values, weights)
    return _Weighed(found, values, points, total(points), weights)


def _size(found: Material, weighed: _Weighed, at_most: int) -> int:
    """How many clips there would be if saying something again cost nothing."""
    return len(select(found.these.start_s, found.these.end_s, weighed.score, at_most))


def _clip(video_id: str, timeline: Timeline, weighed: _Weighed, keywords: Keywords, k: int) -> Clip:
    found = weighed.material
    start_s, end_s = float(found.these.start_s[k]), float(found.these.end_s[k])
    begin, end = int(found.first_word[k]), int(found.last_word[k])
    words = timeline.words[begin:end]
    features = tuple(
        Added(name, float(values[k]), float(weighed.points[name][k]))
        for name, values in weighed.values.items()
        if not np.isnan(values[k])
    )
    return Clip(
        clip_id=clip_id(video_id, start_s, end_s),
        start_s=start_s,
        end_s=end_s,
        score=float(weighed.score[k]),
        title=_title(words) or f"{_clock(start_s)} to {_clock(end_s)}",
        reason=reason(features),
        text=_text(words),
        features=features,
        sub_scores=sub_scores(features, weighed.weights),
        keywords=keywords.of(begin, end),
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
