"""From a timeline to chosen clips: boundaries, candidates, features, score, selection, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clipmill_scoring.domain.doubts import Doubt, of_cuts, of_request, of_selection, of_words
from clipmill_scoring.domain.features.definition import Seen
from clipmill_scoring.domain.features.registry import columns
from clipmill_scoring.domain.genres import weights_of
from clipmill_scoring.domain.keywords import Keywords
from clipmill_scoring.domain.material import material, only_about
from clipmill_scoring.domain.meaning import NOTHING_MEANT, Embed, meaning
from clipmill_scoring.domain.sayings import NOTHING_AGAIN, sayings
from clipmill_scoring.domain.score import WEIGHTS, Weight
from clipmill_scoring.domain.selection import select
from clipmill_scoring.domain.shortage import Ask, Shortage, nothing_more_about, repeating, shortage
from clipmill_scoring.domain.table import Clip, Ranking, Table
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
    heard = embed if everything.spoken or any(shot.text for shot in timeline.shots) else None
    asked = only_about(everything, timeline, ask.about, heard) if ask.about and heard else everything
    meant = meaning(timeline.words, asked.units.first_word, embed) if embed and timeline.words else NOTHING_MEANT
    # One clip alone repeats nothing.
    several = ask.clips > 1
    said = sayings(meant).within(asked.first_word, asked.last_word) if several else NOTHING_AGAIN
    values = columns(Seen(timeline, asked.units, asked.these, meant, valences))
    if asked.about is not None:
        values["about"] = asked.about
    table = Table(
        video_id,
        timeline.language,
        timeline.words,
        asked.these.start_s,
        asked.these.end_s,
        asked.first_word,
        asked.last_word,
        values,
        said,
    )
    ranking = Ranking.of(table, weights_of(ask.genre, weights))
    selection, ranked = ranking.chosen(ask.clips)
    keywords = Keywords(timeline.words, timeline.language)
    short = (
        repeating(ask, len(ranked), _size(ranking, ask.clips) if len(said.run) else 0)
        or (nothing_more_about(ask, len(ranked)) if len(asked.these) < len(everything.these) else None)
        or shortage(
            ask,
            len(ranked),
            timeline.duration_s,
            everything.spoken,
            lambda min_s, max_s: material(timeline, ask, min_s, max_s).these,
        )
    )
    choice = Choice(
        clips=tuple(ranking.clip(k, keywords) for k in ranked),
        candidates=len(asked.these),
        shortages=(short,) if short else (),
        doubts=(
            *of_request(ask, judged=heard is not None),
            *of_words(timeline, compared=embed is not None or not several),
            *of_cuts(asked.units, asked.these, selection, spoken=asked.spoken, words=bool(timeline.words)),
            *of_selection(asked.these, selection, said),
        ),
    )
    return choice, ranking


def _size(ranking: Ranking, at_most: int) -> int:
    """How many clips there would be if saying something again cost nothing."""
    table = ranking.table
    return len(select(table.start_s, table.end_s, ranking.score, at_most))
