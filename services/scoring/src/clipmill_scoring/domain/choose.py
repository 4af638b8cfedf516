"""From a timeline to chosen clips: boundaries, candidates, features, score, selection, reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clipmill_scoring.domain.boundaries import Units, sentence_units, shot_units
from clipmill_scoring.domain.candidates import Candidates, candidates
from clipmill_scoring.domain.diversity import select_diverse
from clipmill_scoring.domain.doubts import Doubt, of_cuts, of_selection, of_words
from clipmill_scoring.domain.explain import Added, reason, title
from clipmill_scoring.domain.features import columns, hooks
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.sayings import NOTHING_AGAIN, Embed, sayings
from clipmill_scoring.domain.score import added, total
from clipmill_scoring.domain.selection import select
from clipmill_scoring.domain.shortage import Ask, Shortage, repeating, shortage
from clipmill_scoring.domain.subscores import SubScores, sub_scores
from clipmill_scoring.domain.timeline import Timeline, Word
from clipmill_scoring.domain.words import marks


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


def choose(video_id: str, timeline: Timeline, ask: Ask, embed: Embed | None) -> Choice:
    """The best set of at most `ask.clips` candidates without overlap, as `select_diverse` has it; best clip first.

    `embed` tells what is said again; None where the language is not one that it knows.
    """
    units, these, spoken = _material(timeline, ask.min_s, ask.max_s)
    found = columns(timeline, units, these)
    points = added(found)
    score = total(points)
    begin, end = units.first_word[these.first], units.last_word[these.last]
    # One clip alone repeats nothing.
    several = ask.clips > 1
    said = sayings(timeline.words, units.first_word, embed).within(begin, end) if embed and several else NOTHING_AGAIN
    selection = select_diverse(these.start_s, these.end_s, score, said, ask.clips)
    ranked = sorted(selection.chosen.tolist(), key=lambda k: (-score[k], these.start_s[k]))
    keywords = Keywords(timeline.words, timeline.language)
    clips = []
    for k in ranked:
        words = timeline.words[begin[k] : end[k]]
        features = tuple(
            Added(name, float(values[k]), float(points[name][k]))
            for name, values in found.items()
            if not np.isnan(values[k])
        )
        start_s, end_s = float(these.start_s[k]), float(these.end_s[k])
        clips.append(
            Clip(
                clip_id=clip_id(video_id, start_s, end_s),
                start_s=start_s,
                end_s=end_s,
                score=float(score[k]),
                title=_title(words) or f"{_clock(start_s)} to {_clock(end_s)}",
                reason=reason(features),
                text=_text(words),
                features=features,
                sub_scores=sub_scores(features),
                keywords=keywords.of(int(begin[k]), int(end[k])),
            )
        )
    plain = select(these.start_s, these.end_s, score, ask.clips) if len(said.run) else selection.chosen
    short = repeating(ask, len(clips), len(plain)) or shortage(
        ask, len(clips), timeline.duration_s, spoken, lambda min_s, max_s: _material(timeline, min_s, max_s)[1]
    )
    return Choice(
        clips=tuple(clips),
        candidates=len(these),
        shortages=(short,) if short else (),
        doubts=(
            *of_words(timeline, compared=embed is not None or not several),
            *of_cuts(units, these, selection, spoken=spoken, words=bool(timeline.words)),
            *of_selection(these, selection, said),
        ),
    )


def clip_id(video_id: str, start_s: float, end_s: float) -> str:
    """The same for the same range of the same video, to the millisecond, whoever asks and whenever."""
    meaning = f"{video_id}\x1f{round(start_s * 1000)}\x1f{round(end_s * 1000)}"
    return hashlib.sha256(meaning.encode()).hexdigest()[:24]


def _material(timeline: Timeline, min_s: float, max_s: float) -> tuple[Units, Candidates, bool]:
    """Candidates of sentences; of shots where there are no words, or too few for a clip. True: of sentences."""
    if timeline.words:
        units = sentence_units(timeline, max_s)
        these = candidates(units, min_s, max_s)
        if len(these):
            return units, these, True
    units = shot_units(timeline, min_s, max_s)
    return units, candidates(units, min_s, max_s), False


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
