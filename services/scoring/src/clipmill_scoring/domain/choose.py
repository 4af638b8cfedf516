"""From a timeline to chosen clips: boundaries, candidates, features, score, selection, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clipmill_scoring.domain.diversity import select_diverse
from clipmill_scoring.domain.doubts import Doubt, of_cuts, of_request, of_selection, of_words
from clipmill_scoring.domain.genres import weights_of
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.material import material
from clipmill_scoring.domain.meaning import Embed
from clipmill_scoring.domain.measured import measured
from clipmill_scoring.domain.sayings import NOTHING_AGAIN
from clipmill_scoring.domain.score import WEIGHTS, Weight
from clipmill_scoring.domain.shortage import Ask, Shortage, nothing_more_about, repeating, shortage
from clipmill_scoring.domain.table import Clip, Ranking
from clipmill_scoring.domain.timeline import Timeline
from clipmill_scoring.domain.words import NO_VALENCES, Valences


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
    """What `choose_among` chooses."""
    return choose_among(video_id, timeline, ask, embed, valences)[0]


def choose_among(
    video_id: str,
    timeline: Timeline,
    ask: Ask,
    embed: Embed | None,
    valences: Valences = NO_VALENCES,
    *,
    weights: Mapping[str, Weight] = WEIGHTS,
) -> tuple[Choice, Ranking]:
    """The best set of at most `ask.clips` candidates without overlap, as `select_diverse` has it; best clip first.

    And all candidates, ranked.

    `embed` tells what is said again, and what is about the request; None where the language is not one that it knows.
    """
    everything = material(timeline, ask, ask.min_s, ask.max_s)
    table, plain = measured(video_id, timeline, ask, everything, embed=embed, valences=valences)
    ranking = Ranking.of(table, weights_of(ask.genre, weights))
    selection, ranked = ranking.chosen(ask.clips)
    keywords = Keywords(timeline.words, timeline.language)
    short = (
        repeating(ask, len(ranked), _size(ranking, ask.clips) if len(table.said.run) else 0)
        or (nothing_more_about(ask, len(ranked)) if len(plain) < len(everything.these) else None)
        or shortage(
            ask,
            len(ranked),
            timeline.duration_s,
            everything.spoken,
            lambda min_s, max_s: material(timeline, ask, min_s, max_s).these,
            room=everything.room,
        )
    )
    # One clip alone repeats nothing.
    compared = embed is not None or ask.clips == 1
    choice = Choice(
        clips=tuple(ranking.clip(k, keywords) for k in ranked),
        candidates=len(table),
        shortages=(short,) if short else (),
        doubts=(
            *of_request(ask, judged="about" in table.values),
            *of_words(timeline, compared=compared),
            *of_cuts(everything, plain, selection.chosen, words=bool(timeline.words)),
            *of_selection(plain, selection, table.said),
        ),
    )
    return choice, ranking


def _size(ranking: Ranking, at_most: int) -> int:
    """How many clips there would be if saying something again cost nothing."""
    table = ranking.table
    start_s, end_s, second = table.intervals
    return len(select_diverse(start_s, end_s, ranking.score, NOTHING_AGAIN, at_most, second=second).chosen)
