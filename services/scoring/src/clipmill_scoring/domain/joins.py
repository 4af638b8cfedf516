"""Clips of two ranges: where a topic is left and comes back, runs of sentences of both may make one clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.boundaries import Units
from clipmill_scoring.domain.candidates import Candidates, candidates
from clipmill_scoring.domain.meaning import Meaning
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Bools, Ints, Timeline

# The cosine of two topics' mean sentences from which on the later is the earlier one again: of six subjects, two
# passages each, those on one subject came to .67 and more, all others to .29 and less.
AGAIN = 0.5
# Each piece is a thought of its own; less left out is a digression that is better heard, and a clip is decoded with
# what it leaves out.
SHORTEST_PIECE_S = 6.0
LEAST_APART_S, MOST_APART_S = 10.0, 300.0
# Beyond it they are thinned evenly. Of a return there are at most so many pieces on each side.
MAX_JOINS = 200
MAX_PIECES = 40


@dataclass(frozen=True)
class Joins:
    """m clips of two pieces: join k is the runs `pieces` first[k] and second[k], in order of time."""

    pieces: Candidates
    first: Ints
    second: Ints

    def __len__(self) -> int:
        return len(self.first)

    def only(self, keep: Bools) -> Joins:
        """Those for which `keep` is true; the pieces stay."""
        return Joins(self.pieces, self.first[keep], self.second[keep])


def returns(meant: Meaning) -> Iterator[tuple[int, int]]:
    """Pairs of topics, by number: the later one is the earlier again, and what lies between is about something else."""
    firsts = np.searchsorted(meant.begin, np.array(meant.topics, dtype=np.int64))
    if len(firsts) < 3:
        return
    sums = np.add.reduceat(meant.vectors.astype(np.float64), firsts, axis=0)
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    for topic in range(len(means) - 2):
        near = means[topic + 1 :] @ means[topic] >= AGAIN
        if near.any() and not near[0]:
            yield topic, topic + 1 + int(np.argmax(near))


def joins(timeline: Timeline, units: Units, meant: Meaning, ask: Ask) -> Joins:
    """What can be joined: pieces that begin and end as a clip does, together as long as is asked for.

    Where voices were told apart, the same one has most of both pieces.
    """
    if not (pairs := list(returns(meant))):
        return NO_JOINS
    runs = candidates(units, SHORTEST_PIECE_S, ask.max_s - SHORTEST_PIECE_S, ask.ranges)
    runs = runs.only(units.clean_start[runs.first] & units.clean_end[runs.last])
    speaker = _speakers(timeline, runs)
    edges = (*meant.topics, len(timeline.words))
    found = [np.zeros((0, 2), dtype=np.int64)]
    for one, other in pairs:
        earlier = _within(units, runs, edges[one], edges[one + 1])
        later = _within(units, runs, edges[other], edges[other + 1])
        a, b = (side.ravel() for side in np.meshgrid(earlier, later, indexing="ij"))
        length_s = runs.duration_s[a] + runs.duration_s[b]
        apart_s = runs.start_s[b] - runs.end_s[a]
        fits = (length_s >= ask.min_s) & (length_s <= ask.max_s) & (speaker[a] == speaker[b])
        fits &= (apart_s >= LEAST_APART_S) & (apart_s <= MOST_APART_S)
        found.append(np.stack((a[fits], b[fits]), axis=1))
    every = np.concatenate(found)
    kept = every[_evenly(len(every), MAX_JOINS)]
    used, place = np.unique(kept, return_inverse=True)
    first, second = place.reshape(-1, 2).T
    return Joins(runs.only(np.isin(np.arange(len(runs)), used)), first, second)


def _within(units: Units, runs: Candidates, begin: int, end: int) -> Ints:
    """The runs that lie in a topic, from its first word to the word after its last."""
    inside = np.flatnonzero((units.first_word[runs.first] >= begin) & (units.last_word[runs.last] <= end))
    return inside[_evenly(len(inside), MAX_PIECES)]


def _evenly(count: int, at_most: int) -> Ints:
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).round().astype(np.int64))


def _speakers(timeline: Timeline, runs: Candidates) -> Ints:
    """Who speaks longest in each; 0 where nobody knows."""
    spoken_s = np.zeros((len(runs), 1 + max((turn.speaker for turn in timeline.turns), default=0)))
    for turn in timeline.turns:
        shared_s = np.minimum(runs.end_s, turn.end_s) - np.maximum(runs.start_s, turn.start_s)
        spoken_s[:, turn.speaker] += np.maximum(shared_s, 0.0)
    longest: Ints = np.argmax(spoken_s, axis=1)
    return longest


_NONE: Ints = np.zeros(0, dtype=np.int64)
NO_JOINS = Joins(Candidates(_NONE, _NONE, np.zeros(0), np.zeros(0), 0), _NONE, _NONE)
