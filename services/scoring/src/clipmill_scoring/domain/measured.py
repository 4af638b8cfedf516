"""All that can be chosen of a video, measured: candidates of one piece, then clips of two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clipmill_scoring.domain.about import nearness, threshold
from clipmill_scoring.domain.candidates import Candidates
from clipmill_scoring.domain.features.definition import Seen
from clipmill_scoring.domain.features.joined import joined
from clipmill_scoring.domain.features.registry import columns
from clipmill_scoring.domain.joins import NO_JOINS, joins
from clipmill_scoring.domain.material import Material
from clipmill_scoring.domain.meaning import NOTHING_MEANT, Embed, meaning
from clipmill_scoring.domain.sayings import NOTHING_AGAIN, Said, sayings
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.table import Table
from clipmill_scoring.domain.timeline import Timeline
from clipmill_scoring.domain.words import Valences


def measured(
    video_id: str, timeline: Timeline, ask: Ask, found: Material, *, embed: Embed | None, valences: Valences
) -> tuple[Table, Candidates]:
    """The table of what the request leaves of `found`, and its rows of one piece."""
    units = found.units
    meant = meaning(timeline.words, units.first_word, embed) if embed and timeline.words else NOTHING_MEANT
    pairs = joins(timeline, units, meant, ask) if found.spoken else NO_JOINS
    plain, near = found.these, None
    if ask.about and embed and (found.spoken or any(shot.text for shot in timeline.shots)):
        near = nearness(timeline, units, plain.with_more(pairs.pieces), ask.about, embed)
        is_about = near >= threshold(near[: len(plain)])
        pairs = pairs.only(is_about[len(plain) + pairs.first] & is_about[len(plain) + pairs.second])
        is_about[len(plain) :] = True
        plain, near = plain.only(is_about[: len(plain)]), near[is_about]

    # Pieces are measured as candidates are, in one go.
    these = plain.with_more(pairs.pieces)
    first_word, last_word = units.first_word[these.first], units.last_word[these.last]
    values = columns(Seen(timeline, units, these, meant, valences))
    if near is not None:
        values["about"] = near
    # One clip alone repeats nothing, unless its pieces say the same.
    said = sayings(meant).within(first_word, last_word) if ask.clips > 1 or len(pairs) else NOTHING_AGAIN
    n = len(plain)
    table = Table(
        video_id,
        timeline.language,
        timeline.words,
        plain.start_s,
        plain.end_s,
        first_word[:n],
        last_word[:n],
        {name: column[:n] for name, column in values.items()},
        said,
    )
    if not len(pairs):
        return table, plain
    says = said.says(len(these))
    pairs = pairs.only(np.asarray(~(says[n + pairs.first] & says[n + pairs.second]).any(axis=1)))
    one, other = n + pairs.first, n + pairs.second
    run, saying = np.nonzero(np.concatenate((says[:n], says[one] | says[other])))
    both = joined(values, one, other, these.duration_s, (last_word - first_word).astype(np.float64))
    unknown = np.full(n, np.nan)
    return replace(
        table,
        start_s=np.concatenate((table.start_s, these.start_s[one])),
        end_s=np.concatenate((table.end_s, these.end_s[other])),
        first_word=np.concatenate((table.first_word, first_word[one])),
        last_word=np.concatenate((table.last_word, last_word[other])),
        values={name: np.concatenate((table.values.get(name, unknown), column)) for name, column in both.items()},
        said=Said(run, saying, said.words) if ask.clips > 1 else NOTHING_AGAIN,
        cut_s=np.stack((these.end_s[one], these.start_s[other]), axis=1),
        cut_words=np.stack((last_word[one], first_word[other]), axis=1),
    ), plain
